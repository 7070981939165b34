"""Sign-in with Trakt for Starlette and FastAPI.

```python
web_login = AsyncWebLogin(app, store="postgresql://…")
login = TraktLogin(web_login)
application = Starlette(
    routes=[Mount("/trakt", routes=login.routes), …],
    middleware=[Middleware(SessionMiddleware, secret_key="…", https_only=True)],
    exception_handlers=login.exception_handlers,
    lifespan=login.lifespan,
)
```
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from functools import wraps
from http import HTTPStatus
from importlib import import_module
from importlib.util import find_spec
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.extras import check_version
from traktauth.web.access_log import hide_codes
from traktauth.web.csrf import FOREIGN_FORM, is_cross_site
from traktauth.web.disconnection import disconnect_async
from traktauth.web.failure import LoginFailed
from traktauth.web.login import AsyncWebLogin, SignedIn, check_kind
from traktauth.web.pages import method_page, refused_page
from traktauth.web.paths import CALLBACK, LOGIN, LoginPaths, local_path
from traktauth.web.requests import NOT_SIGNED_IN, WebRequest, wants_page
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

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine

    from starlette.requests import Request

    from traktauth.client.async_client import AsyncTrakt
    from traktauth.models.signed_out import SignedOut

try:
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.responses import Response
    from starlette.routing import Route
except ModuleNotFoundError as error:
    raise TraktAuthError("Starlette is not installed", hint="pip install 'traktauth[starlette]'") from error

check_version("starlette", (1, 0))

# Sessions on the server, which need not be installed.
starsessions: Any = import_module("starsessions") if find_spec("starsessions") else None

__all__ = ["TraktLogin"]


class NotSignedIn(HTTPException):
    """No user is signed in: a redirect for a browser, and 401 for a program, also without the exception handlers."""


class TraktLogin:
    """Routes, and what endpoints need: the user's account, their `AsyncTrakt`, and a decorator.

    The session holds the account alone. With sessions on the server it must get a new id at each sign-in: those of
    starsessions do; with others, let `on_signed_in` give them one.

    Args:
        web_login: the app's redirect address in it is where the callback route is mounted.
        after: the path that users are sent to after a sign-in that began without `next`, and after a sign-out: a
            public page, as one that needs a sign-in would send the user to Trakt and sign them in again. Default: the
            application's root, with the prefix that a proxy puts before it.
        revoke: also revoke the login at Trakt when a user signs out.
        on_signed_in: a function, async or not, that is called with the request and the `SignedIn` when a user has
            signed in, to create or find your own user. An exception in it refuses the sign-in and propagates.

    Attributes:
        routes: `login`, `callback` and `logout`, for `Mount("/trakt", routes=login.routes)`.
        exception_handlers: for the application: a user whose login has ended signs in again, and an outage is a 503.

    Raises:
        TypeError: it was given a `WebLogin`.
        ValueError: the app's redirect address does not end in `/callback`, or Trakt does not accept it. Where the
            routes are mounted is known at the first request: if it does not lead there, `login` raises AppInvalid.
    """

    def __init__(
        self,
        web_login: AsyncWebLogin,
        after: str | None = None,
        *,
        revoke: bool = False,
        on_signed_in: Callable[[Request, SignedIn], Any] | None = None,
    ) -> None:
        check_kind(web_login, AsyncWebLogin, "traktauth.web.starlette.TraktLogin")
        self.web_login = web_login
        self.after = None if after is None else local_path(after)
        self.revoke = revoke
        self.on_signed_in = on_signed_in
        self.paths = LoginPaths(web_login.app.redirect_uri)
        hide_codes()
        self.routes = [
            Route(LOGIN, self._login, methods=["GET", "POST"], name="trakt_login"),
            Route(CALLBACK, self._callback, name="trakt_callback"),
            Route("/logout", self._logout, methods=["POST"], name="trakt_logout"),
        ]
        self.exception_handlers: dict[
            int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]
        ] = {
            LoginRequired: self._handle_login_required,
            NotSignedIn: self._handle_not_signed_in,
            TryLater: self._handle_outage,
            StoreFailed: self._handle_outage,
        }

    @asynccontextmanager
    async def lifespan(self, _application: object) -> AsyncGenerator[None]:
        """Close connections and store at the application's end; give it to the application as `lifespan=`."""
        yield
        await self.web_login.close()

    def account(self, request: Request) -> str | None:
        """Return the account of the user who is signed in, or None."""
        return _session(request).get(SESSION_KEY)

    def trakt(self, request: Request) -> AsyncTrakt:
        """Return the `AsyncTrakt` of the user who is signed in; a FastAPI dependency: `Depends(login.trakt)`.

        Raises:
            HTTPException: no user is signed in: 401, or for a browser a redirect to the sign-in.
        """
        account = self.account(request)
        if account is not None:
            return self.web_login.trakt(account)
        if wants_page(request.method, request.headers.get):
            location = self.paths.login_for(_web_request(request).path)
            raise NotSignedIn(HTTPStatus.SEE_OTHER, headers={"Location": location})
        raise NotSignedIn(HTTPStatus.UNAUTHORIZED, NOT_SIGNED_IN)

    async def disconnect(self, request: Request) -> SignedOut:
        """Revoke the user's login at Trakt, forget it, and sign the user out of the session.

        The login and the account's name are removed from the store, and the account from the session. Call it in a
        view that takes POST only, and that is protected as your other forms are.

        Returns:
            What was revoked; `left` tells of a refresh token that may still be valid at Trakt.

        Raises:
            HTTPException: no user is signed in.
            TryLater, StoreFailed: it could not be revoked at the moment; nothing was changed.
            AppRejected: Trakt refuses the app; nothing was changed.
        """
        outcome = await disconnect_async(self.trakt(request))
        leave_session(_session(request))
        return outcome

    def required(self, endpoint: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Any]]:
        """Let an endpoint be called only if a user is signed in and their login has not ended.

        Otherwise a browser is redirected to the sign-in, and a program gets 401.
        """

        @wraps(endpoint)
        async def wrapper(request: Request) -> Any:  # noqa: ANN401 - what the endpoint returns
            if self.account(request) is None:
                return self._unauthorized(request)
            try:
                return await _call(endpoint, request)
            except LoginRequired as error:
                return await self._handle_login_required(request, error)
            except (TryLater, StoreFailed) as error:
                return await self._handle_outage(request, error)

        return wrapper

    # ---------------------------------------------------------------- routes
    async def _login(self, request: Request) -> Response:
        _session(request)  # without sessions no browser is sent to Trakt
        self.paths.check_route(request.url.path.removesuffix(LOGIN) + CALLBACK)
        foreign = foreign_response(_web_request(request), self.paths.origin, _origin(request))
        if foreign is not None:
            return _response(foreign)
        started = self.web_login.start(request.query_params.get("next", self._after(request)))
        response = _response(redirect_response(started.url))
        for name in surplus_cookies(read_cookies(_cookie_header(request))):
            response.set_cookie(name, "", **expired_cookie(name))
        response.set_cookie(started.cookie_name, started.cookie_value, **started.cookie_options)
        return response

    async def _callback(self, request: Request) -> Response:
        if request.method != "GET":  # HEAD must not spend the code
            return _response(page_response(method_page("GET")))
        session = _session(request)
        try:
            signed_in = await self.web_login.finish(_cookie_header(request), str(request.url))
        except LoginFailed as failed:
            return _response(failed_response(failed, self.paths, session, self._after(request)))
        with begin_session(session, signed_in.account, clear=session.clear):
            if self.on_signed_in is not None:
                await _call(self.on_signed_in, request, signed_in)
        await _regenerate_session(request)
        return _response(signed_in_response(signed_in))

    async def _logout(self, request: Request) -> Response:
        if is_cross_site(request.headers.get, self.paths.origin, _origin(request)):
            return _response(page_response(refused_page(FOREIGN_FORM)))
        session = _session(request)
        account = end_session(session, revoke=self.revoke)
        outcome: SignedOut | TraktAuthError | None = None
        if account is not None:
            try:
                outcome = await self.web_login.trakt(account).logout()
            except TraktAuthError as error:
                outcome = error
        return _response(signed_out_response(session, self.paths, self._after(request), outcome))

    def _after(self, request: Request) -> str:
        return local_path(request.base_url.path) if self.after is None else self.after

    # ---------------------------------------------------------------- responses
    async def _handle_login_required(self, request: Request, error: Exception) -> Response:
        return self._unauthorized(request, error if isinstance(error, LoginRequired) else None)

    async def _handle_not_signed_in(self, request: Request, _error: Exception) -> Response:
        return self._unauthorized(request)

    async def _handle_outage(self, request: Request, error: Exception) -> Response:
        return _response(outage_response(_web_request(request), error))

    def _unauthorized(self, request: Request, error: LoginRequired | None = None) -> Response:
        return _response(unauthorized_response(_web_request(request), self.paths, _session(request), error))


def _session(request: Request) -> dict[str, Any]:
    if "session" not in request.scope:
        raise TraktAuthError(
            "This application has no sessions: SessionMiddleware is missing",
            hint="Add it: Middleware(SessionMiddleware, secret_key=…, https_only=True), from "
            "starlette.middleware.sessions",
        )
    return request.session


async def _regenerate_session(request: Request) -> None:
    """Give a session on the server a new id, as others may know the old one, under which nothing stays."""
    if starsessions is not None:
        with suppress(KeyError):  # it is not used here; Starlette's own sessions have no id
            await starsessions.get_session_handler(request).destroy()
            starsessions.regenerate_session_id(request)


async def _call(function: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - what the function returns
    """Call a function of the application; one that is not async may block, so it is called in a thread."""
    if iscoroutinefunction(function):
        return await function(*args)
    return await run_in_threadpool(function, *args)


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _cookie_header(request: Request) -> str:
    return "; ".join(request.headers.getlist("Cookie"))  # HTTP/2 may split it


def _web_request(request: Request) -> WebRequest:
    query = f"?{request.url.query}" if request.url.query else ""
    return WebRequest(request.method, request.url.path + query, request.headers.get)


def _response(response: RouteResponse) -> Response:
    made = Response(response.body, response.status, response.headers)
    if response.old_cookie is not None:
        made.set_cookie(response.old_cookie, "", **expired_cookie(response.old_cookie))
    return made
