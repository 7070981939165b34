"""A request as it was heard: whole, and no larger than it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

LARGEST_BODY = 64 * 1024
LARGEST_QUERY = 16 * 1024


class TooLarge(Exception):
    """A request is larger than any that makes sense here."""


class Heard(NamedTuple):
    """A request.

    Attributes:
        method: its method, in capitals.
        path: its path, without doubled slashes.
        query: its query as it was sent, percent-encoded.
        headers: its header fields by name in lower case; of a repeated one, the last.
        body: its body.
        client: the address it came from.
    """

    method: str
    path: str
    query: bytes
    headers: dict[str, str]
    body: bytes
    client: str

    @property
    def content_type(self) -> str:
        """The body's media type with its parameters, empty where it was not said."""
        return self.headers.get("content-type", "")

    @property
    def media_type(self) -> str:
        """The body's media type alone, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def bearer(self) -> str:
        """The token in the Authorization field, empty without one."""
        return bearer_in(self.headers.get("authorization", ""))


def bearer_in(authorization: str) -> str:
    """Give the token in an Authorization field, empty where it holds none; the scheme may be in any case."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def hear(scope: Scope, receive: Receive, *, largest: int = LARGEST_BODY) -> Heard:
    """Read a request to its end.

    Raises:
        TooLarge: it says, or turns out, to be larger than *largest* bytes; it is not read on.
        ClientDisconnect: the client went away in the middle.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query: bytes = scope["query_string"]
    length = headers.get("content-length", "0")
    if len(query) > LARGEST_QUERY or not length.isdigit() or int(length) > largest:
        raise TooLarge
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > largest:
            raise TooLarge
    client = scope.get("client") or ("", 0)
    return Heard(scope["method"], scope["path"], query, headers, body, client[0])
