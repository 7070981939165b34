"""The 404 response, and the security headers of every response of a page's address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.websockets import WebSocketClose

from traktauth.server.messages import Application, HttpResponse, encode_headers
from traktauth.server.pages.html_response import page, security_headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TEXT = "Check the address, or begin at the home page."
START = ("/", "Home page")


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 404: with a page to a browser, with two words to any other client."""
    if scope["type"] != "http":
        await WebSocketClose()(scope, receive, send)
        return
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    if b"text/html" in accepted and scope["method"] in ("GET", "HEAD"):
        shown: dict[str, object] = {
            "title": "Page not found",
            "text": TEXT,
            "kind": "trouble",
            "user": None,
            "csrf": "",
            "onward": START,
        }
        response = page("message", shown, status=404)
    else:
        response = HttpResponse(404, b"Not Found", {"content-type": "text/plain; charset=utf-8", **security_headers()})
    await response(scope, receive, send)


def add_security_headers(inner: ASGIApp) -> Application:
    """Add the security headers to responses without them, such as those to a wrong method."""
    fields = encode_headers(security_headers())

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                had = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(field for field in fields if field[0] not in had)]
            await send(message)

        await inner(scope, receive, send_with_headers)

    return Application(serve)
