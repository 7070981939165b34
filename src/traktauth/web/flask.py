"""Sign-in with Trakt for Flask.

```python
login = TraktLogin(WebLogin(app, store="postgresql://…"))
application = Flask(__name__)
application.secret_key = "…"
application.register_blueprint(login)
```
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.extras import check_version
from traktauth.web.access_log import hide_codes
from traktauth.web.csrf import FOREIGN_FORM, is_cross_site
from traktauth.web.disconnection import disconnect
from traktauth.web.failure import LoginFailed
from traktauth.web.login import WebLogin, check_kind
from traktauth.web.pages import method_page, refused_page
from traktauth.web.paths import CALLBACK, LOGIN, LoginPaths, local_path
from traktauth.web.requests import NOT_SIGNED_IN, WebRequest
from traktauth.web.responses import (
    RouteResponse,
    failed_response,
    foreign_response,
    outage_response,
    page_response,
    redirect_response,
    signed_in_response,
    signed_out_response,
    unauthorized_response,
)
from traktauth.web.session import SESSION_KEY, begin_session, end_session, leave_session
from traktauth.web.state_cookie import expired_cookie, read_cookies, surplus_cookies

try:
    from flask import Blueprint, current_app, make_response, request, session
except ModuleNotFoundError as error:
    raise TraktAuthError("Flask is not installed", hint="pip install 'traktauth[flask]'") from error

check_version("flask", (3, 0))

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.blueprints import BlueprintSetupState
    from flask.typing import ResponseReturnValue
    from flask.wrappers import Response

    from traktauth.client.sync_client import Trakt
    from traktauth.models.signed_out import SignedOut
    from traktauth.web.login import SignedIn

__all__ = ["TraktLogin"]

P = ParamSpec("P")
R = TypeVar("R")


class TraktLogin(Blueprint):
    """A blueprint with the sign-in's routes, and what views need: the user's account, their `Trakt`, a decorator.

    The session holds the account alone. Registered with an application, it also handles a login that has ended (the
    user signs in again) and an outage (503) in every view.

    Args:
        web_login: the app's redirect address in it is `url_prefix` + `/callback`.
        url_prefix: where the routes `login`, `callback` and `logout` are.
        after: the path that users are sent to after a sign-in that began without `next`, and after a sign-out: a
            public page, as one that needs a sign-in would send the user to Trakt and sign them in again. Default: the
            application's root, with the prefix that a proxy puts before it.
        revoke: also revoke the login at Trakt when a user signs out.
        on_signed_in: a function that is called with the `SignedIn` when a user has signed in, in the request's
            context, to create or find your own user. An exception in it refuses the sign-in and propagates.

    Raises:
        TypeError: it was given an `AsyncWebLogin`.
        ValueError: the app's redirect address does not end in `/callback`, or Trakt does not accept it; at the
            registration with an application: it does not lead to the callback route.
    """

    def __init__(
        self,
        web_login: WebLogin,
        url_prefix: str = "/trakt",
        *,
        after: str | None = None,
        revoke: bool = False,
        on_signed_in: Callable[[SignedIn], Any] | None = None,
    ) -> None:
        check_kind(web_login, WebLogin, "traktauth.web.flask.TraktLogin")
        super().__init__("trakt", __name__, url_prefix=url_prefix)
        self.web_login = web_login
        self.after = None if after is None else local_path(after)
        self.revoke = revoke
        self.on_signed_in = on_signed_in
        self.paths = LoginPaths(web_login.app.redirect_uri)
        hide_codes()
        self.record(self._check_prefix)
        self.add_url_rule(LOGIN, "login", self._login, methods=["GET", "POST"])
        self.add_url_rule(CALLBACK, "callback", self._callback)
        self.add_url_rule("/logout", "logout", self._logout, methods=["POST"])
        self.register_error_handlers()

    def register_error_handlers(self) -> None:
        """Handle ended logins and outages in every view of the application."""
        self.app_errorhandler(LoginRequired)(self._handle_login_required)
        self.app_errorhandler(TryLater)(self._handle_outage)
        self.app_errorhandler(StoreFailed)(self._handle_outage)

    @property
    def account(self) -> str | None:
        """Return the account of the user who is signed in, or None."""
        _check_session()
        return session.get(SESSION_KEY)

    @property
    def trakt(self) -> Trakt:
        """Return the `Trakt` of the user who is signed in.

        Raises:
            LoginRequired: no user is signed in; the blueprint sends a browser to the sign-in, and a program gets 401.
        """
        account = self.account
        if account is None:
            raise LoginRequired(NOT_SIGNED_IN)
        return self.web_login.trakt(account)

    def disconnect(self) -> SignedOut:
        """Revoke the user's login at Trakt, forget it, and sign the user out of the session.

        The login and the account's name are removed from the store, and the account from the session. Call it in a
        view that takes POST only, and that is protected as your other forms are.

        Returns:
            What was revoked; `left` tells of a refresh token that may still be valid at Trakt.

        Raises:
            LoginRequired: no user is signed in.
            TryLater, StoreFailed: it could not be revoked at the moment; nothing was changed.
            AppRejected: Trakt refuses the app; nothing was changed.
        """
        outcome = disconnect(self.trakt)
        leave_session(session)
        return outcome

    def required(self, view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        """Let a view be called only if a user is signed in.

        Otherwise a browser is redirected to the sign-in, and a program gets 401.
        """

        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            if self.account is None:
                return self._unauthorized()
            result: R = current_app.ensure_sync(view)(*args, **kwargs)
            return result

        return wrapper

    def _check_prefix(self, state: BlueprintSetupState) -> None:
        self.paths.check_route((state.url_prefix or "").rstrip("/") + CALLBACK)

    # ---------------------------------------------------------------- routes
    def _login(self) -> Response:
        _check_session()  # without sessions no browser is sent to Trakt
        foreign = foreign_response(_web_request(), self.paths.origin, _origin())
        if foreign is not None:
            return _response(foreign)
        started = self.web_login.start(request.args.get("next", self._after()))
        response = _response(redirect_response(started.url))
        for name in surplus_cookies(read_cookies(request.headers.get("Cookie"))):
            response.set_cookie(name, "", **expired_cookie(name))
        response.set_cookie(started.cookie_name, started.cookie_value, **started.cookie_options)
        return response

    def _callback(self) -> Response:
        if request.method != "GET":  # HEAD must not spend the code
            return _response(page_response(method_page("GET")))
        _check_session()
        try:
            signed_in = self.web_login.finish(request.headers.get("Cookie", ""), request.url)
        except LoginFailed as failed:
            return _response(failed_response(failed, self.paths, session, self._after()))
        with begin_session(session, signed_in.account, clear=session.clear):
            if self.on_signed_in is not None:
                current_app.ensure_sync(self.on_signed_in)(signed_in)
        _regenerate_session()
        return _response(signed_in_response(signed_in))

    def _logout(self) -> Response:
        if is_cross_site(request.headers.get, self.paths.origin, _origin()):
            return _response(page_response(refused_page(FOREIGN_FORM)))
        account = end_session(session, revoke=self.revoke)
        outcome: SignedOut | TraktAuthError | None = None
        if account is not None:
            try:
                outcome = self.web_login.trakt(account).logout()
            except TraktAuthError as error:
                outcome = error
        return _response(signed_out_response(session, self.paths, self._after(), outcome))

    def _after(self) -> str:
        return local_path(f"{request.script_root}/") if self.after is None else self.after

    # ---------------------------------------------------------------- errors
    def _handle_login_required(self, error: LoginRequired) -> ResponseReturnValue:
        return self._unauthorized(error)

    def _handle_outage(self, error: TraktAuthError) -> ResponseReturnValue:
        return _response(outage_response(_web_request(), error))

    def _unauthorized(self, error: LoginRequired | None = None) -> Response:
        return _response(unauthorized_response(_web_request(), self.paths, session, error))


def _check_session() -> None:
    if current_app.session_interface.is_null_session(session):
        raise TraktAuthError(
            "This application has no sessions: its secret key is missing",
            hint="Set application.secret_key to a random text, the same on every worker",
        )


def _regenerate_session() -> None:
    # Sessions on a server (Flask-Session) have an id; Flask's own are their content.
    regenerate: Any = getattr(current_app.session_interface, "regenerate", None)
    if regenerate is not None:
        regenerate(session)


def _origin() -> str:
    return request.host_url.rstrip("/")


def _web_request() -> WebRequest:
    path = request.full_path if request.query_string else request.path
    return WebRequest(request.method, request.script_root + path, request.headers.get)


def _response(response: RouteResponse) -> Response:
    made = make_response(response.body, response.status, response.headers)
    if response.old_cookie is not None:
        made.set_cookie(response.old_cookie, "", **expired_cookie(response.old_cookie))
    return made
