"""A proxy between a client and a server, which counts what goes through it and can be cut.

    with RecordingProxy(server.base) as proxy:
        proxy.swallow("/oauth/token", grant="refresh_token")   # the next refresh is done, its answer lost
        …                                                      # talk to proxy.base instead of server.base
        assert proxy.count("/oauth/token", grant="refresh_token") == 1

Requests are counted when they have been read in full, before anything else happens to them.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

Fate = Literal["drop", "swallow", "delay", "call"]


class Seen(NamedTuple):
    """What one request was; *grant* is the grant type of its body, None where it has none."""

    method: str
    path: str
    grant: str | None


@dataclass
class Rule:
    """What becomes of the next *times* requests that match."""

    path: str
    fate: Fate
    grant: str | None
    times: int
    seconds: float
    call: Callable[[], object] | None = None

    def matches(self, seen: Seen) -> bool:
        return self.times > 0 and seen.path == self.path and self.grant in (None, seen.grant)


class RecordingProxy:
    """A loopback proxy for HTTP/1.1: a connection to it is a connection to the server, request by request."""

    def __init__(self, upstream: str) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname or "", address.port or 80)
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._seen: Counter[Seen] = Counter()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def drop(self, path: str, *, grant: str | None = None, times: int = 1) -> None:
        """Cut the connection before anything is forwarded: the server never hears of it."""
        self._add(Rule(path, "drop", grant, times, 0))

    def swallow(self, path: str, *, grant: str | None = None, times: int = 1) -> None:
        """Let the server do its work, then cut the connection instead of passing the answer on."""
        self._add(Rule(path, "swallow", grant, times, 0))

    def delay(self, path: str, seconds: float, *, grant: str | None = None, times: int = 1) -> None:
        """Hold the answer back."""
        self._add(Rule(path, "delay", grant, times, seconds))

    def call(self, path: str, function: Callable[[], object], *, grant: str | None = None, times: int = 1) -> None:
        """Call a function when the server has answered and before the answer is passed on."""
        self._add(Rule(path, "call", grant, times, 0, call=function))

    def _add(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)

    def count(self, path: str, *, grant: str | None = None) -> int:
        """How many requests for *path* have come, all or those of one grant."""
        with self._lock:
            return sum(n for seen, n in self._seen.items() if seen.path == path and grant in (None, seen.grant))

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            _shut(self._listener)
            for end in self._open:
                _shut(end)
        for thread in self._threads:
            thread.join(60)

    def _spawn(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            while True:
                self._spawn(self._serve, self._listener.accept()[0])

    def _serve(self, near: socket.socket) -> None:
        """Carry one connection's requests, one after another, until either side ends it or a rule cuts it."""
        far: socket.socket | None = None
        try:
            with near.makefile("rb") as asks:
                self._hold(near)
                while request := _read_message(asks):
                    rule = self._take(_describe(request))
                    if rule == "drop":
                        return _reset(near)
                    far = far or self._hold(socket.create_connection(self._upstream))
                    far.sendall(request)
                    with far.makefile("rb") as answers:
                        answer = _read_message(answers, until_closed=True, bare=request.startswith(b"HEAD "))
                    if rule == "swallow":
                        return _reset(near)
                    if callable(rule):
                        rule()
                    else:
                        time.sleep(rule)
                    near.sendall(answer)
                    if not answer or b"connection: close" in answer.split(b"\r\n\r\n")[0].lower():
                        return None
        except OSError:
            return None
        finally:
            for end in filter(None, (near, far)):
                with self._lock:
                    self._open.discard(end)
                end.close()

    def _hold(self, end: socket.socket) -> socket.socket:
        """Remember an open end, so that closing the proxy closes it."""
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(end)
        return end

    def _take(self, seen: Seen) -> Literal["drop", "swallow"] | float | Callable[[], object]:
        """Count a request and use up the first rule that is meant for it."""
        with self._lock:
            self._seen[seen] += 1
            for rule in self._rules:
                if rule.matches(seen):
                    rule.times -= 1
                    if rule.call is not None:
                        return rule.call
                    return rule.seconds if rule.fate == "delay" else rule.fate
        return 0.0


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def _reset(end: socket.socket) -> None:
    """End a connection as a broken network does, with a reset."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read_message(stream: Any, *, until_closed: bool = False, bare: bool = False) -> bytes:
    """Read one whole HTTP message, b"" where the other side has closed; *bare* ones have a head only."""
    lines = [stream.readline()]
    while lines[-1] not in (b"\r\n", b"\n", b""):
        lines.append(stream.readline())
    head = b"".join(lines)
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:]) if value
    }
    if bare or not head or lines[0].split(b" ")[1:2] in ([b"204"], [b"304"]):
        return head
    if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        return head + b"".join(_chunks(stream))
    if b"content-length" in fields:
        return head + stream.read(int(fields[b"content-length"]))
    return head + (stream.read() if until_closed else b"")


def _chunks(stream: Any) -> Any:
    """Yield a chunked body as it came, its sizes and trailer included."""
    while size := int((line := stream.readline()).split(b";")[0] or b"0", 16):
        yield line
        yield stream.read(size + 2)
    yield line
    while line not in (b"\r\n", b"\n", b""):
        yield (line := stream.readline())


def _describe(request: bytes) -> Seen:
    head, _, body = request.partition(b"\r\n\r\n")
    method, target = head.decode("latin-1").split(" ")[:2]
    return Seen(method, urlsplit(target).path if target.startswith("/") else target, _grant(body))


def _grant(body: bytes) -> str | None:
    """The grant type in a JSON or a form body; a chunked body is not looked into."""
    with contextlib.suppress(ValueError):
        data = json.loads(body)
        return data.get("grant_type") if isinstance(data, dict) else None
    return parse_qs(body.decode("latin-1")).get("grant_type", [None])[0]
