"""The receiver of a redirected browser: a small HTTP server on the loopback address that the app registered.

It answers one question, "which code did Trakt give us?", and treats every visitor as a stranger: bounded requests, a
time limit for each, one thread a visitor, and no visit but the one that brings our `state` ends the wait.
"""

from __future__ import annotations

import errno
import os
import queue
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from traktauth.client import pages
from traktauth.errors import LoginRefused
from traktauth.models.app import LOOPBACK_ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_LARGEST_REQUEST = 32768
_REQUEST_LIMIT = 5.0  # seconds for a visitor to say what it wants
_GOODBYE_LIMIT = 1.0  # seconds for a visitor to read its page and hang up
_MOST_VISITORS = 32
_TAKEN = (errno.EADDRINUSE, errno.EACCES)


class Receiver:
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
        port = self._sockets[0].getsockname()[1]
        netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        actual = urlunsplit((parts.scheme, netloc, parts.path, "", ""))
        self.redirect_uri = redirect_uri if port == (parts.port or 80) else actual
        self._read: Callable[[str], Any] | None = None
        self._waiting = threading.Event()
        self._answered = threading.Lock()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._visitors = threading.BoundedSemaphore(_MOST_VISITORS)
        self._open: dict[socket.socket, bool] = {}  # each visitor that is here, and whether it has its page
        self._leaving = threading.Condition()
        self._threads = [threading.Thread(target=self._accept, args=(s,), daemon=True) for s in self._sockets]
        for thread in self._threads:
            thread.start()

    def wait(self, read: Callable[[str], T | None], seconds: float) -> T | None:
        """Wait for the visit that `read` takes for an answer, and return it; None where none came in time."""
        self._read = read
        self._waiting.set()
        with suppress(queue.Empty):
            answer: T | None = self._answers.get(timeout=seconds)
            return answer
        return None

    def close(self) -> None:
        """Stop listening; the port is free when this returns."""
        self._answers.put(None)
        for listener in self._sockets:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
        for thread in self._threads:
            thread.join(_REQUEST_LIMIT)
        with self._leaving:
            for visitor, has_page in self._open.items():
                if not has_page:
                    with suppress(OSError):
                        visitor.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads
            self._leaving.wait_for(lambda: not self._open, 2 * _GOODBYE_LIMIT)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return  # closed
            if not self._visitors.acquire(blocking=False):
                _hang_up(visitor)
                continue
            with self._leaving:
                self._open[visitor] = False
            threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _serve(self, visitor: socket.socket) -> None:
        try:
            with suppress(OSError):
                target = _read_target(visitor)
                self._open[visitor] = True
                page = self._page(target) if target is not None else pages.unreadable()
                visitor.settimeout(_REQUEST_LIMIT)
                visitor.sendall(page)
                _let_go(visitor)
        finally:
            with self._leaving:
                _hang_up(visitor)
                del self._open[visitor]
                self._leaving.notify_all()
            self._visitors.release()

    def _page(self, target: str) -> bytes:
        """Choose the page for a visit, and pass its answer on where it brings one."""
        if target.partition("?")[0] != self._path:
            return pages.not_found()
        self._waiting.wait(_GOODBYE_LIMIT)  # a browser may come back before anybody waits for it
        read = self._read
        answer = read(target) if read is not None else None
        if answer is None:
            return pages.not_this_sign_in()
        if not self._answered.acquire(blocking=False):
            return pages.answered_already()
        self._answers.put(answer)
        return pages.refused() if isinstance(answer, LoginRefused) else pages.received()


def _listen(host: str, port: int) -> list[socket.socket]:
    """Listen on the host's loopback addresses and nothing else."""
    if host in LOOPBACK_ADDRESSES:
        try:
            return [_bind(host, port)]
        except OSError as error:
            if error.errno not in _TAKEN:
                raise LoginRefused(
                    f"{host} port {port} cannot be listened on: {error.strerror}", error="port"
                ) from None
            return [_bind(host, 0)]
    try:
        listeners = [_bind("127.0.0.1", port)]
    except OSError as error:
        raise LoginRefused(
            f"Port {port} of localhost cannot be listened on: {error.strerror}",
            error="port",
            hint="End the program that holds it, or sign in with a code: traktauth login --device",
        ) from None
    with suppress(OSError):  # a machine without IPv6, or somebody else's port there
        listeners.append(_bind("::1", port))
    return listeners


def _bind(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # on Windows, reuse would let others listen too
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_MOST_VISITORS)
    except OSError:
        listener.close()
        raise
    return listener


def _read_target(visitor: socket.socket) -> str | None:
    """Read a request's head and return its target; None where it is no GET, too large or too slow."""
    until = time.monotonic() + _REQUEST_LIMIT
    head = b""
    while b"\r\n\r\n" not in head:
        visitor.settimeout(max(0.01, until - time.monotonic()))
        chunk = visitor.recv(4096)
        head += chunk
        if not chunk or len(head) > _LARGEST_REQUEST or time.monotonic() > until:
            return None
    parts = head.partition(b"\r\n")[0].split(b" ")
    if len(parts) != 3 or parts[0] != b"GET" or not parts[1].startswith(b"/"):  # noqa: PLR2004 - method, target, version
        return None
    return parts[1].decode("ascii", "replace")


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
