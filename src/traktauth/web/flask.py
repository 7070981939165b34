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
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.extras import check_version
from traktauth.web.access_log import hide_codes
from traktauth.web.failure import LoginFailed
from traktauth.web.login import WebLogin, check_kind
from traktauth.web.pages import Page, failure_page, method_page, refused_page, unavailable_page
from traktauth.web.paths import CALLBACK, LoginPaths, local_path
from traktauth.web.requests import FOREIGN_FORM, NOT_SIGNED_IN, SESSION_KEY, is_foreign, wants_page
from traktauth.web.state_cookie import expired_cookie, surplus_cookies

try:
    from flask import Blueprint, current_app, jsonify, make_response, redirect, request, session
except ModuleNotFoundError as error:
    raise TraktAuthError("Flask is not installed", hint="pip install 'traktauth[flask]'") from error

check_version("flask", (3, 0))

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue
    from flask.wrappers import Response

    from traktauth.client.sync_client import Trakt

__all__ = ["TraktLogin"]

P = ParamSpec("P")
R = TypeVar("R")

SEE_OTHER = 303


class TraktLogin(Blueprint):
    """A blueprint with the sign-in's routes, and what views need: the user's account, their `Trakt`, a decorator.

    The session holds the account alone. Registered with an application, it also handles a login that has ended (the
    user signs in again) and an outage (503) in every view.

    Args:
        web_login: the app's redirect address in it is `url_prefix` + `/callback`.
        url_prefix: where the routes `login`, `callback` and `logout` are.
        after: the path that users are sent to after a sign-in that began without `next`, and after a sign-out.
        revoke: also revoke the login at Trakt when a user signs out.

    Raises:
        TypeError: it was given an `AsyncWebLogin`.
        ValueError: the app's redirect address does not end in `/callback`.
    """

    def __init__(
        self, web_login: WebLogin, url_prefix: str = "/trakt", *, after: str = "/", revoke: bool = False
    ) -> None:
        check_kind(web_login, WebLogin, "traktauth.web.flask.TraktLogin")
        super().__init__("trakt", __name__, url_prefix=url_prefix)
        self.web_login = web_login
        self.after = local_path(after)
        self.revoke = revoke
        self.paths = LoginPaths(web_login.app.redirect_uri)
        hide_codes()
        self.add_url_rule("/login", "login", self._login)
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

    def required(self, view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        """Let a view be called only if a user is signed in.

        Otherwise a browser is redirected to the sign-in, and a program gets 401.
        """

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            if self.account is None:
                return self._unauthorized()
            result: R = current_app.ensure_sync(view)(*args, **kwargs)
            return result

        return guarded

    # ---------------------------------------------------------------- routes
    def _login(self) -> Response:
        _check_session()  # without sessions no browser is sent to Trakt
        started = self.web_login.start(request.args.get("next", self.after))
        response = _redirect(started.url)
        for name in surplus_cookies(request.cookies):
            response.set_cookie(name, "", **expired_cookie(name))
        response.set_cookie(started.cookie_name, started.cookie_value, **started.cookie_options)
        return response

    def _callback(self) -> Response:
        if request.method != "GET":  # HEAD must not spend the code
            return _response(method_page("GET"))
        _check_session()
        try:
            signed_in = self.web_login.finish(request.cookies, request.url)
        except LoginFailed as failed:
            response = _response(failure_page(failed, self.paths))
            name = failed.cookie_name
        else:
            _start_session(signed_in.account)
            response = _redirect(signed_in.next)
            name = signed_in.cookie_name
        if name is not None:
            response.set_cookie(name, "", **expired_cookie(name))
        return response

    def _logout(self) -> Response:
        if is_foreign(request.headers.get, self.paths.origin, request.host_url.rstrip("/")):
            return _response(refused_page(FOREIGN_FORM))
        account = session.pop(SESSION_KEY, None)
        if account is not None and self.revoke:
            try:
                self.web_login.trakt(account).logout()
            except LoginRequired:
                pass  # it has ended already
            except (TryLater, StoreFailed) as error:
                return _response(unavailable_page(error))
        return _redirect(self.after)

    # ---------------------------------------------------------------- errors
    def _handle_login_required(self, _error: LoginRequired) -> ResponseReturnValue:
        session.pop(SESSION_KEY, None)
        return self._unauthorized()

    def _handle_outage(self, error: TraktAuthError) -> ResponseReturnValue:
        page = unavailable_page(error)
        if wants_page(request.method, request.headers.get):
            return _response(page)
        return jsonify(detail=str(error)), page.status, {"Retry-After": page.headers["Retry-After"]}

    def _unauthorized(self) -> ResponseReturnValue:
        if wants_page(request.method, request.headers.get):
            path = request.full_path if request.query_string else request.path
            return _redirect(self.paths.login_for(request.script_root + path))
        return jsonify(detail=NOT_SIGNED_IN), HTTPStatus.UNAUTHORIZED


def _check_session() -> None:
    if current_app.session_interface.is_null_session(session):
        raise TraktAuthError(
            "This application has no sessions: its secret key is missing",
            hint="Set application.secret_key to a random text, the same on every worker",
        )


def _start_session(account: str) -> None:
    if session.get(SESSION_KEY) not in {None, account}:
        session.clear()  # what another user left
    session[SESSION_KEY] = account
    # Sessions on a server (Flask-Session) have an id; Flask's own are their content.
    regenerate: Any = getattr(current_app.session_interface, "regenerate", None)
    if regenerate is not None:
        regenerate(session)


def _redirect(location: str) -> Response:
    response = make_response(redirect(location, SEE_OTHER))
    response.headers["Cache-Control"] = "no-store"
    return response


def _response(page: Page) -> Response:
    return make_response(page.html, page.status, page.headers)
