"""Sign-in with Trakt for Flask.

```python
login = TraktLogin(WebLogin(app, store="postgresql://…"))
application = Flask(__name__)
application.secret_key = "…"
application.register_blueprint(login)
```
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

from traktauth.client.sync_client import Trakt
from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.extras import check_version
from traktauth.flow.logout import SignedOut
from traktauth.web.login import SignedIn, WebLogin, check_kind
from traktauth.web.pages import RouteResponse
from traktauth.web.paths import CALLBACK, LOGIN
from traktauth.web.requests import NOT_SIGNED_IN, WebRequest
from traktauth.web.routes import LoginRoutes, SignInSession, disconnect, outage_response, run_route

try:
    from flask import Blueprint, current_app, make_response, request, session
    from flask.blueprints import BlueprintSetupState
    from flask.typing import ResponseReturnValue
    from flask.wrappers import Response
except ModuleNotFoundError as error:
    raise TraktAuthError("Flask is not installed", hint="pip install 'traktauth[flask]'") from error

check_version("flask", (3, 0))

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
        self.sign_in = LoginRoutes(web_login, after=after, revoke=revoke)
        self.on_signed_in = on_signed_in
        self.record(self._check_prefix)
        self.add_url_rule(LOGIN, "login", self._login, methods=["GET", "POST"])
        self.add_url_rule(CALLBACK, "callback", self._callback)
        self.add_url_rule("/logout", "logout", self._logout, methods=["POST"])
        self.register_error_handlers()

    def register_error_handlers(self) -> None:
        """Handle ended logins and outages in every view of the application."""
        self.app_errorhandler(LoginRequired)(self._unauthorized)
        self.app_errorhandler(TryLater)(self._handle_outage)
        self.app_errorhandler(StoreFailed)(self._handle_outage)

    @property
    def account(self) -> str | None:
        """Return the account of the user who is signed in, or None."""
        _check_session()
        return SignInSession(session, self.web_login).account

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
        return run_route(disconnect(self.trakt, SignInSession(session, self.web_login)))

    def required(self, view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        """Let a view be called only if a user is signed in.

        Otherwise a browser is redirected to the sign-in, and a program gets 401.
        """

        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            if self.account is None:
                return self._unauthorized()
            try:
                result: R = current_app.ensure_sync(view)(*args, **kwargs)
            except LoginRequired as error:  # the application's handler may be another sign-in's
                return self._unauthorized(error)
            return result

        return wrapper

    def _check_prefix(self, state: BlueprintSetupState) -> None:
        self.sign_in.paths.check_route((state.url_prefix or "").rstrip("/") + CALLBACK)

    # ---------------------------------------------------------------- routes
    def _login(self) -> Response:
        _check_session()  # without sessions no browser is sent to Trakt
        return _response(self.sign_in.login(self._request()))

    def _callback(self) -> Response:
        _check_session()
        accept = None if self.on_signed_in is None else current_app.ensure_sync(self.on_signed_in)
        route = self.sign_in.callback(
            self._request(), session, clear=session.clear, accept=accept, renew=_regenerate_session
        )
        return _response(run_route(route))

    def _logout(self) -> Response:
        return _response(run_route(self.sign_in.logout(self._request(), session)))

    # ---------------------------------------------------------------- errors
    def _handle_outage(self, error: TraktAuthError) -> Response:
        return _response(outage_response(self._request(), error))

    def _unauthorized(self, error: LoginRequired | None = None) -> Response:
        return _response(self.sign_in.unauthorized(self._request(), session, error))

    @staticmethod
    def _request() -> WebRequest:
        query = request.query_string.decode(errors="replace")
        return WebRequest(
            request.method,
            quote(request.script_root + request.path) + (f"?{query}" if query else ""),
            request.headers.get,
            origin=request.host_url.rstrip("/"),
            root=f"{request.script_root}/",
            cookies=request.headers.get("Cookie", ""),
            next=request.args.get("next"),
        )


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


def _response(response: RouteResponse) -> Response:
    made = make_response(response.body, response.status, response.headers)
    for name, value, options in response.cookies:
        made.set_cookie(name, value, **options)
    return made
