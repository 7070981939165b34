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

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial, wraps
from http import HTTPStatus
from importlib import import_module
from importlib.util import find_spec
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import quote

from traktauth.client.async_client import AsyncTrakt
from traktauth.client.driver.async_driver import run_flow
from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.extras import check_version
from traktauth.flow.logout import SignedOut
from traktauth.web.login import AsyncWebLogin, SignedIn, check_kind
from traktauth.web.pages import RouteResponse
from traktauth.web.paths import CALLBACK, LOGIN
from traktauth.web.requests import NOT_SIGNED_IN, WebRequest
from traktauth.web.routes import LoginRoutes, SignInSession, disconnect, outage_response

try:
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
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
        self.sign_in = LoginRoutes(web_login, after=after, revoke=revoke)
        self.on_signed_in = on_signed_in
        self.routes = [
            Route(LOGIN, self._login, methods=["GET", "POST"], name="trakt_login"),
            Route(CALLBACK, self._callback, name="trakt_callback"),
            Route("/logout", self._logout, methods=["POST"], name="trakt_logout"),
        ]
        self.exception_handlers: dict[
            int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]
        ] = {
            LoginRequired: self._unauthorized,
            NotSignedIn: self._unauthorized,
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
        return SignInSession(_session(request), self.web_login).account

    def trakt(self, request: Request) -> AsyncTrakt:
        """Return the `AsyncTrakt` of the user who is signed in; a FastAPI dependency: `Depends(login.trakt)`.

        Raises:
            HTTPException: no user is signed in: 401, or for a browser a redirect to the sign-in.
        """
        account = self.account(request)
        if account is not None:
            return self.web_login.trakt(account)
        seen = _web_request(request)
        if seen.wants_page:
            raise NotSignedIn(HTTPStatus.SEE_OTHER, headers={"Location": self.sign_in.paths.login_for(seen.path)})
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
        mine = SignInSession(_session(request), self.web_login)
        return await run_flow(disconnect(self.trakt(request), mine), _call)

    def required(self, endpoint: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Any]]:
        """Let an endpoint be called only if a user is signed in and their login has not ended.

        Otherwise a browser is redirected to the sign-in, and a program gets 401.
        """

        @wraps(endpoint)
        async def wrapper(request: Request) -> object:
            if self.account(request) is None:
                return await self._unauthorized(request)
            try:
                return await _call(endpoint, request)
            except LoginRequired as error:
                return await self._unauthorized(request, error)
            except (TryLater, StoreFailed) as error:
                return await self._handle_outage(request, error)

        return wrapper

    # ---------------------------------------------------------------- routes
    async def _login(self, request: Request) -> Response:
        _session(request)  # without sessions no browser is sent to Trakt
        self.sign_in.paths.check_route(request.url.path.removesuffix(LOGIN) + CALLBACK)
        return _response(self.sign_in.login(_web_request(request)))

    async def _callback(self, request: Request) -> Response:
        session = _session(request)
        route = self.sign_in.callback(
            _web_request(request),
            session,
            clear=session.clear,
            accept=None if self.on_signed_in is None else partial(self.on_signed_in, request),
            renew=partial(_regenerate_session, request),
        )
        return _response(await run_flow(route, _call))

    async def _logout(self, request: Request) -> Response:
        return _response(await run_flow(self.sign_in.logout(_web_request(request), _session(request)), _call))

    # ---------------------------------------------------------------- responses
    async def _handle_outage(self, request: Request, error: Exception) -> Response:
        return _response(outage_response(_web_request(request), error))

    async def _unauthorized(self, request: Request, error: Exception | None = None) -> Response:
        ended = error if isinstance(error, LoginRequired) else None
        return _response(self.sign_in.unauthorized(_web_request(request), _session(request), ended))


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


async def _call(function: Callable[..., Any], *args: object) -> object:
    """Call a function of the application; one that is not async may block, so it is called in a thread."""
    if iscoroutinefunction(function):
        return await function(*args)
    return await run_in_threadpool(function, *args)


def _web_request(request: Request) -> WebRequest:
    url = request.url
    return WebRequest(
        request.method,
        quote(request.scope["path"]) + (f"?{url.query}" if url.query else ""),
        request.headers.get,
        origin=f"{url.scheme}://{url.netloc}",
        root=request.base_url.path,
        cookies="; ".join(request.headers.getlist("Cookie")),  # HTTP/2 may split it
        next=request.query_params.get("next"),
    )


def _response(response: RouteResponse) -> Response:
    made = Response(response.body, response.status, response.headers)
    for name, value, options in response.cookies:
        made.set_cookie(name, value, **options)
    return made
