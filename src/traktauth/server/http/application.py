"""A function, or an answer that is only looked at, as an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.http.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send


class Application:
    """An ASGI application that Starlette's routes take for one; they would take a bare function for a view."""

    __slots__ = ("_serve",)

    def __init__(self, serve: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._serve(scope, receive, send)


def got(what: Answer | Callable[[], Awaitable[Answer]]) -> Application:
    """Make an application that gives an answer to GET and HEAD, and to nothing else (RFC 9110 section 15.5.6)."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            answer = Answer(405, b"", {"allow": "GET"})
        else:
            answer = what if isinstance(what, Answer) else await what()
        await answer(scope, receive, send)

    return Application(serve)
