"""The receiver of a redirected browser: a small HTTP server on the loopback address that the app registered.

It answers one question, "which code did Trakt give us?", and treats every visitor as a stranger: bounded requests, a
time limit for each, one thread a visitor, and no visit but the one that brings our `state` ends the wait.

It also serves the start page of the sign-in: an address with a random path that redirects to Trakt's page, once. The
browser is opened with that address, so that Trakt's, which holds the `state`, is not in the browser's arguments, where
every user of the machine can read it.
"""

from __future__ import annotations

import errno
import os
import queue
import secrets
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from traktauth.client.login import pages
from traktauth.errors import LoginRefused
from traktauth.models.app import LOOPBACK_ADDRESSES

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LOCAL, _REMOTE, _USER = 1, 2, 7  # columns


def peer_user(connection: socket.socket) -> int | None:
    """Return the user id of the peer of a loopback TCP connection; None if the system does not tell.

    Linux lists every connection with the user of its socket; other systems have nothing of the kind.
    """
    if sys.platform != "linux":
        return None
    theirs, ours = _plain(connection.getpeername()), _plain(connection.getsockname())
    for fields in _rows():
        if _endpoint(fields[_LOCAL]) == theirs and _endpoint(fields[_REMOTE]) == ours:
            return int(fields[_USER])
    return None


def _rows() -> Iterator[list[str]]:
    """Yield the columns of each connection."""
    for table in _TABLES:
        with suppress(OSError), Path(table).open(encoding="ascii") as rows:
            next(rows, None)
            for row in rows:
                fields = row.split()
                if len(fields) > _USER:
                    yield fields


def _endpoint(text: str) -> tuple[str, int]:
    """Read `0100007F:1F90`: the address in 32-bit words of this machine's byte order, and the port."""
    address, _, port = text.partition(":")
    words = [bytes.fromhex(address[at : at + 8]) for at in range(0, len(address), 8)]
    raw = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return _plain((socket.inet_ntop(family, raw), int(port, 16)))


def _plain(address: tuple[Any, ...]) -> tuple[str, int]:
    """Return host and port; an IPv4 address stays one if an IPv6 socket took the connection."""
    return str(address[0]).removeprefix("::ffff:"), int(address[1])


T = TypeVar("T")

_MAX_REQUEST = 32768
_REQUEST_LIMIT = 5.0  # seconds for a visitor to send its request
_FIRST_BYTE_LIMIT = 1.0  # seconds for its first byte
_OUTCOME_LIMIT = 60.0  # seconds until the browser is shown the outcome of the sign-in
_GOODBYE_LIMIT = 1.0  # seconds for a visitor to read its page and hang up
_MAX_VISITORS = 32
_TAKEN = (errno.EADDRINUSE, errno.EACCES)
_NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_LOCALHOST = ("127.0.0.1", "::1")  # a browser tries either of them


class _Visit:
    """How far a visitor has come: it has connected, has sent something, or has its page."""

    __slots__ = ("has_page", "has_sent")

    def __init__(self) -> None:
        self.has_sent = False
        self.has_page = False


class LoopbackServer:
    """Listens on a loopback redirect address until it is closed.

    Args:
        redirect_uri: an `http://` address on 127.0.0.1, [::1] or localhost.

    Attributes:
        redirect_uri: the address that is really listened on; another port than asked for only where that one is
            taken and the host is an IP address (RFC 8252 section 7.3).

    Raises:
        LoginRefused: the port is taken.
    """

    def __init__(self, redirect_uri: str) -> None:
        parts = urlsplit(redirect_uri)
        host = parts.hostname or ""
        self._path = parts.path or "/"
        self._sockets = _listen(host, parts.port or 80)
        address, port = self._sockets[0].getsockname()[:2]
        netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._origin = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
        actual = urlunsplit((parts.scheme, netloc, parts.path, "", ""))
        self.redirect_uri = redirect_uri if port == (parts.port or 80) else actual
        self._read: Callable[[str], Any] | None = None
        self._waiting = threading.Event()
        self._arriving = threading.Lock()
        self._early: list[str] = []  # addresses of visits that came long before `wait` was called
        self._answered = threading.Lock()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._open: dict[socket.socket, _Visit] = {}  # each visitor that is here, the oldest first
        self._outcome: bytes | None = None  # the page for the visit that brought the answer
        self._has_outcome = threading.Event()
        self._start_path = f"/start/{secrets.token_urlsafe(16)}"
        self._start_target: str | None = None  # where the start page leads; None before and after its one visit
        self._leaving = threading.Condition()
        self._threads = [threading.Thread(target=self._accept, args=(s,), daemon=True) for s in self._sockets]
        for thread in self._threads:
            thread.start()

    def wait(self, read: Callable[[str], T | None], seconds: float) -> T | None:
        """Wait for the visit that `read` takes for an answer, and return it; None where none came in time."""
        with self._arriving:
            self._read = read
            early, self._early = self._early, []
        self._waiting.set()
        for target in early:
            if (answer := read(target)) is not None and self._answered.acquire(blocking=False):
                return answer
        with suppress(queue.Empty):
            arrived: T | None = self._answers.get(timeout=seconds)
            return arrived
        return None

    def serve_start(self, url: str) -> str:
        """Return an address on this machine that redirects to a URL, once.

        Only this user's programs are redirected, if the system tells who connects (Linux); a program of another user
        that reads the address from the browser's arguments gets nothing.
        """
        self._start_target = url
        return self._origin + self._start_path

    def finish(self, page: bytes) -> None:
        """Answer the visit that brought the answer, which waits to be told what came of the sign-in."""
        self._outcome = page
        self._has_outcome.set()

    def close(self) -> None:
        """Stop listening; the port is free when this returns."""
        self._has_outcome.set()
        self._answers.put(None)
        for listener in self._sockets:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
        for thread in self._threads:
            thread.join(_REQUEST_LIMIT)
        with self._leaving:
            for visitor, visit in self._open.items():
                if not visit.has_page:
                    with suppress(OSError):
                        visitor.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads
            self._leaving.wait_for(lambda: not self._open, 2 * _GOODBYE_LIMIT)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return  # closed
            with self._leaving:
                if len(self._open) >= _MAX_VISITORS:
                    self._drop_one()
                self._open[visitor] = _Visit()
            threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _drop_one(self) -> None:
        """Wake the thread of one visitor to end it: the oldest that has sent nothing, else that has no page yet.

        A browser sends its whole request at once, so it is never the one that is dropped for long.
        """
        visits = [(visit.has_page, visit.has_sent, visitor) for visitor, visit in self._open.items()]
        visitor = min(visits, key=lambda each: each[:2])[2]  # the first of equals, which is the oldest
        self._open[visitor].has_page = True  # not again
        with suppress(OSError):
            visitor.shutdown(socket.SHUT_RDWR)

    def _serve(self, visitor: socket.socket) -> None:
        visit = self._open[visitor]
        try:
            with suppress(OSError):
                target = _read_target(visitor, visit)
                page = self._page(target, visitor, visit) if target is not None else pages.UNREADABLE
                visit.has_page = True
                visitor.settimeout(_REQUEST_LIMIT)
                visitor.sendall(page)
                _let_go(visitor)
        finally:
            with self._leaving:
                _hang_up(visitor)
                del self._open[visitor]
                self._leaving.notify_all()

    def _start(self, visitor: socket.socket) -> bytes:
        """Choose the page for a visit of the start page."""
        user = peer_user(visitor)
        if user is not None and user not in {os.getuid(), 0}:  # root may relay, as Windows' localhost does into WSL
            return pages.ANOTHER_USER
        with self._leaving:
            target, self._start_target = self._start_target, None
        return pages.USED_START_PAGE if target is None else pages.redirect(target)

    def _page(self, target: str, visitor: socket.socket, visit: _Visit) -> bytes:
        """Choose the page for a visit, and pass its answer on if it brings one."""
        if secrets.compare_digest(target.encode(), self._start_path.encode()):
            return self._start(visitor)
        if target.partition("?")[0] != self._path:
            return pages.NOT_FOUND
        self._waiting.wait(_GOODBYE_LIMIT)  # a browser may come back before `wait` is called
        with self._arriving:
            read = self._read
            if read is None:
                # The program is still in its `prompt`, which may even be what visits. It takes the answer later.
                self._early = [*self._early, target][-_MAX_VISITORS:]
                return pages.UNKNOWN_OUTCOME
        answer = read(target)
        if answer is None:
            return pages.NOT_THIS_SIGN_IN
        if not self._answered.acquire(blocking=False):
            return pages.ALREADY_ANSWERED
        visit.has_page = True  # it is not dropped while it waits
        self._answers.put(answer)
        self._has_outcome.wait(_OUTCOME_LIMIT)
        return self._outcome or pages.UNKNOWN_OUTCOME


def _listen(host: str, port: int) -> list[socket.socket]:
    """Listen on the host's loopback addresses and nothing else."""
    if host in LOOPBACK_ADDRESSES:
        try:
            return [_bind(host, port)]
        except OSError as error:
            if error.errno not in _TAKEN:
                raise LoginRefused(f"Cannot listen on {host} port {port}: {error.strerror}", error="port") from None
            return [_bind(host, 0)]
    listeners: list[socket.socket] = []
    for address in _LOCALHOST:
        try:
            listeners.append(_bind(address, port))
        except OSError as error:
            if listeners and error.errno in _NO_IPV6:
                continue
            for listener in listeners:
                listener.close()
            # A browser may try this address first, so a program that listens there would get the code.
            raise LoginRefused(
                f"Cannot listen on port {port} of localhost ({address}): {error.strerror}",
                error="port",
                hint="End the program that uses it, register http://127.0.0.1 in place of http://localhost, "
                "or sign in with a device code",
            ) from None
    return listeners


def can_listen(host: str, port: int) -> bool:
    """Return whether a receiver could listen on a loopback host now, on every address that a browser may try."""
    for address in (host,) if host in LOOPBACK_ADDRESSES else _LOCALHOST:
        try:
            with closing(_bind(address, port)):
                pass
        except OSError as error:
            if address == host or address == _LOCALHOST[0] or error.errno not in _NO_IPV6:
                return False
    return True


def _bind(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # on Windows, reuse would let others listen too
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_MAX_VISITORS)
    except OSError:
        listener.close()
        raise
    return listener


def _read_target(visitor: socket.socket, visit: _Visit) -> str | None:
    """Read a request's head and return its target; None if it is not a GET, too large or too slow."""
    until = time.monotonic() + _REQUEST_LIMIT
    head = b""
    visitor.settimeout(min(_FIRST_BYTE_LIMIT, _REQUEST_LIMIT))
    while b"\r\n\r\n" not in head:
        chunk = visitor.recv(4096)
        visit.has_sent = True
        visitor.settimeout(max(0.01, until - time.monotonic()))
        head += chunk
        if not chunk or len(head) > _MAX_REQUEST or time.monotonic() > until:
            return None
    parts = head.partition(b"\r\n")[0].split(b" ")
    match parts:
        case [b"GET", target, _] if target.startswith(b"/"):
            return target.decode("ascii", "replace")
        case _:
            return None


def _hang_up(visitor: socket.socket) -> None:
    """End a connection with a reset, which leaves the port free at once."""
    with suppress(OSError):
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    visitor.close()


def _let_go(visitor: socket.socket) -> None:
    """Let the visitor hang up first, as it may not have read its page yet."""
    visitor.settimeout(_GOODBYE_LIMIT)
    until = time.monotonic() + _GOODBYE_LIMIT
    while visitor.recv(65536) and time.monotonic() < until:
        pass
