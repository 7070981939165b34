"""The access log: one line of JSON for each request, made of nothing that a client chose.

What is written is which address was asked, not how: an address that is none of ours is `other`, the code or id in one
of ours is left out, and queries, header fields and bodies are never looked at. So no secret can come into it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable
    from pathlib import Path

    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

STDOUT = "-"
OTHER = "other"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
UNSENT = 0
"""The status of a request that no answer left for."""


class AccessLog:
    """Where the lines go.

    Args:
        place: a file's path, which only this user can read and which is appended to; `-` is standard output.

    Raises:
        ValueError: the file cannot be written.
    """

    def __init__(self, place: str | Path) -> None:
        self._own = str(place) != STDOUT
        try:
            self._file: BinaryIO = open(place, "ab", buffering=0, opener=_private) if self._own else sys.stdout.buffer  # noqa: SIM115 - it stays open, and Path.open takes no opener
        except OSError as error:
            raise ValueError(f"access_log {place} cannot be written: {error.strerror}") from error

    def line(self, **members: object) -> None:
        """Write a line, whole, also where several processes write; a full disk costs the line and no answer."""
        with contextlib.suppress(OSError, ValueError):
            self._file.write(json.dumps(members).encode() + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._own:
            self._file.close()


class Logged:
    """An ASGI application around one whose requests are logged.

    Args:
        inner: what answers.
        log: where the lines go.
        paths: the addresses without a variable part.
        routes: all others; those with one are written as their pattern.
    """

    def __init__(self, inner: ASGIApp, log: AccessLog, *, paths: Iterable[str], routes: Iterable[Route]) -> None:
        self._inner = inner
        self._log = log
        known = list(routes)
        self._paths = frozenset([*paths, *(route.path_format for route in known)])
        self._patterns = [route for route in known if "{" in route.path]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, then write its line."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        watched, begun = Watched(send), time.perf_counter()
        try:
            await self._inner(scope, receive, watched.send)
        finally:
            self._log.line(
                at=round(time.time(), 3),
                client=(scope.get("client") or ("",))[0],
                method=scope["method"] if scope["method"] in METHODS else OTHER,
                path=self._named(scope["path"]),
                status=watched.status,
                bytes=watched.length,
                ms=round((time.perf_counter() - begun) * 1000, 2),
            )

    def _named(self, path: str) -> str:
        if path in self._paths:
            return path
        return next((route.path_format for route in self._patterns if route.path_regex.fullmatch(path)), OTHER)


class Watched:
    """Looks at what is sent.

    Attributes:
        status: the answer's status, 0 where none was sent.
        length: how many bytes its body had.
        transport: the connection underneath, for faults that cut it.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = UNSENT
        self.length = 0
        self.transport: asyncio.Transport | None = getattr(getattr(send, "__self__", None), "transport", None)

    async def send(self, message: Message) -> None:
        """Send on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.length += len(message.get("body", b""))
        await self._send(message)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
