"""Logs of requests: each request is described once, and the description is given to every log.

The access log is one line of JSON for each request, made of nothing that a client chose.

A line has the route of the request: an address that the server does not have is `other`, a code or id in a path is left
out, and queries, header fields and bodies are never read. So no secret can come into it.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from traktauth.private_files import open_to_append
from traktauth.server.http.request_log import current_entries
from traktauth.server.settings import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from traktauth.server.http.request_log import LogEntry

STDOUT = "-"
OTHER = "other"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
NO_RESPONSE = 0
"""The status of a request that no answer left for."""


class LoggedRequest(NamedTuple):
    """One request that was served.

    Attributes:
        at: when it was answered, in Unix seconds.
        client: the address that it came from; empty if that is unknown.
        method: its method, `other` for one that HTTP does not have.
        path: its path as the client sent it, without the query.
        route: its path if that is one of the server's, with variable parts as their names; else `other`.
        status: the status of its response, 0 if none was sent.
        length: bytes of the response's body.
        seconds: how long it took.
        location: where the response redirects to; empty if it does not.
        entries: what was noted of it in the request log of the control page.
    """

    at: float
    client: str
    method: str
    path: str
    route: str
    status: int
    length: int
    seconds: float
    location: str
    entries: tuple[LogEntry, ...]


class AccessLog:
    """Where the lines go.

    Args:
        place: a file's path, which only this user can read and which is appended to; `-` is standard output.

    Raises:
        ValueError: the file cannot be written.
    """

    def __init__(self, place: str | Path) -> None:
        self._own = str(place) != STDOUT
        self._file: BinaryIO = _open(place) if self._own else sys.stdout.buffer

    def write(self, request: LoggedRequest) -> None:
        """Write a line, whole; a full disk costs the line and no answer."""
        members = {
            "at": round(request.at, 3),
            "client": request.client,
            "method": request.method,
            "path": request.route,
            "status": request.status,
            "bytes": request.length,
            "ms": round(request.seconds * 1000, 2),
        }
        with contextlib.suppress(OSError, ValueError):
            self._file.write(json.dumps(members).encode() + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._own:
            self._file.close()


class AccessLogMiddleware:
    """An ASGI application around one whose requests are logged.

    Args:
        inner: the application that answers.
        writers: are called with each request that was served.
        paths: the addresses without a variable part.
        routes: all others; those with a variable part are written as their pattern.
    """

    def __init__(
        self,
        inner: ASGIApp,
        writers: Sequence[Callable[[LoggedRequest], None]],
        *,
        paths: Iterable[str],
        routes: Iterable[Route],
    ) -> None:
        self._inner = inner
        self._writers = tuple(writers)
        known = list(routes)
        self._paths = frozenset([*paths, *(route.path_format for route in known)])
        self._patterns = [route for route in known if "{" in route.path]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, then log it."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        watched, begun, entries = ResponseRecorder(send), time.perf_counter(), list["LogEntry"]()
        token = current_entries.set(entries)
        try:
            await self._inner(scope, receive, watched.send)
        finally:
            current_entries.reset(token)
            request = LoggedRequest(
                at=time.time(),
                client=(scope.get("client") or ("",))[0],
                method=scope["method"] if scope["method"] in METHODS else OTHER,
                path=scope["path"],
                route=self._route_name(scope["path"]),
                status=watched.status,
                length=watched.length,
                seconds=time.perf_counter() - begun,
                location=watched.location,
                entries=tuple(entries),
            )
            for write in self._writers:
                write(request)

    def _route_name(self, path: str) -> str:
        if path in self._paths:
            return path
        return next((route.path_format for route in self._patterns if route.path_regex.fullmatch(path)), OTHER)


class ResponseRecorder:
    """Looks at what is sent.

    Attributes:
        status: the answer's status, 0 where none was sent.
        length: how many bytes its body had.
        location: where it redirects to; empty if it does not.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = NO_RESPONSE
        self.length = 0
        self.location = ""

    async def send(self, message: Message) -> None:
        """Send on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            fields = (value for name, value in message.get("headers", ()) if name.lower() == b"location")
            self.location = next(fields, b"").decode("latin-1")
        else:
            self.length += len(message.get("body", b""))
        await self._send(message)


def _open(place: str | Path) -> BinaryIO:
    try:
        return open(place, "ab", buffering=0, opener=open_to_append)
    except OSError as error:
        raise SettingError(
            "{access_log} {given} cannot be written: {why}", given=place, why=error.strerror or error
        ) from error
