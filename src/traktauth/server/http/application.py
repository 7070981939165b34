"""ASGI applications of one function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.http.messages import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send


class Application:
    """An ASGI application that is not a function, which a route of Starlette would call with a request."""

    __slots__ = ("_serve",)

    def __init__(self, serve: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._serve(scope, receive, send)


def get_only(respond: HttpResponse | Callable[[], Awaitable[HttpResponse]]) -> Application:
    """Return an application for GET and HEAD alone; other methods get 405 (RFC 9110 section 15.5.6)."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            response = HttpResponse(405, b"", {"allow": "GET"})
        else:
            response = respond if isinstance(respond, HttpResponse) else await respond()
        await response(scope, receive, send)

    return Application(serve)
