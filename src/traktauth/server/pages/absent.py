"""Addresses where there is nothing, and what every answer of a page's address carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.websockets import WebSocketClose

from traktauth.server.http.answers import Answer, encoded
from traktauth.server.http.application import Application
from traktauth.server.pages.rendering import page, policy

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TEXT = "It may have been typed wrongly, or have been another version's."
START = ("/", "To the start page")


async def absent(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that there is nothing: on a page to whoever asks for one, in two words to a client."""
    if scope["type"] != "http":
        await WebSocketClose()(scope, receive, send)
        return
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    if b"text/html" in accepted and scope["method"] in ("GET", "HEAD"):
        said: dict[str, object] = {
            "title": "There is no such page",
            "text": TEXT,
            "kind": "trouble",
            "person": None,
            "csrf": "",
            "onward": START,
        }
        answer = page("message", said, status=404)
    else:
        answer = Answer(404, b"Not Found", {"content-type": "text/plain; charset=utf-8", **policy()})
    await answer(scope, receive, send)


def kept_to_itself(inner: ASGIApp) -> Application:
    """Add a page's header fields to answers that have them not, as those to a wrong method."""
    fields = encoded(policy())

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                had = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(field for field in fields if field[0] not in had)]
            await send(message)

        await inner(scope, receive, sent)

    return Application(serve)
