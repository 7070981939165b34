"""Answers: a status, header fields and a body, sent as they are."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from traktauth.server.http.whole import head_of, written_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

JSON = "application/json"
TOO_LARGE = 413
PATIENCE_SECONDS = 2.0
PATIENCE_BYTES = 64 * 1024 * 1024
AS_IT_IS = "%/:?#[]@!$&'()*+,;=~"
"""What an address may hold as it is (RFC 3986); anything else, above all a line's end, is percent-encoded."""
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}

_encode = msgspec.json.Encoder().encode


class Answer:
    """An HTTP answer; also the ASGI application that gives it."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Give the header fields as they are sent, but for the length."""
        return encoded(self.headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Whoever sends too much is told at once; the rest is let pass, or it would cut the answer."""
        fields = self.fields()
        fields.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": fields})
        body = b"" if scope["method"] == "HEAD" else self.body
        if self.status == TOO_LARGE:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await _let_pass(receive)
            body = b""
        await send({"type": "http.response.body", "body": body})


class Prepared:
    """Answers in JSON that all have one status and the same header fields, which are encoded once."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self._status = status
        self._headers = {"content-type": JSON, **headers}
        self._encoded = encoded(self._headers)
        self._head = head_of(status, self._encoded)

    def __call__(self, value: object) -> Answer:
        """Give an answer whose body is *value* in JSON."""
        return _PreparedAnswer(self._status, _encode(value), self._headers, self._encoded, self._head)


class _PreparedAnswer(Answer):
    """An answer whose header fields have been encoded before; nobody changes them."""

    __slots__ = ("_encoded", "_head")

    def __init__(
        self, status: int, body: bytes, headers: dict[str, str], ready: list[tuple[bytes, bytes]], head: bytes
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self._encoded = ready
        self._head = head

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Give the header fields as they are sent, but for the length."""
        return self._encoded.copy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, in one piece where the server underneath lets it."""
        if scope["method"] == "HEAD" or not written_whole(send, self._head, self.body):
            await super().__call__(scope, receive, send)


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Give header fields as they are sent."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _let_pass(receive: Receive) -> None:
    """Hear the rest of a request, for a while, without keeping any of it."""
    passed = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            message = await receive()
            while message.get("more_body") and passed < PATIENCE_BYTES:
                passed += len(message.get("body", b""))
                message = await receive()


def in_json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Give an answer whose body is JSON."""
    return Answer(status, _encode(value), {"content-type": JSON, **(headers or {})})


def without_nothing(members: Mapping[str, object]) -> dict[str, object]:
    """Leave out the members that are None."""
    return {name: value for name, value in members.items() if value is not None}


def sent_to(location: str, status: int = 302) -> Answer:
    """Give a redirect that no cache keeps and that tells the next host nothing (RFC 9700 section 4.2)."""
    headers = {
        "location": quote(location, safe=AS_IT_IS),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
    }
    return Answer(status, b"", headers)
