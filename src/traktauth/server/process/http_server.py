"""The socket and the HTTP server under a local Trakt."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from traktauth.server.limits.brute_force import network_of
from traktauth.server.limits.request_size import LARGEST_HEAD, MOST_PIPELINED
from traktauth.server.process.file_descriptors import DescriptorMonitor

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from starlette.types import ASGIApp
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from traktauth.server.config.settings import Settings

BACKLOG = 2048
YEAR_SECONDS = 31_536_000
GRACE_SECONDS = 30.0
"""How long responses in progress may take when the server stops."""
TICK_SECONDS = 0.1
TICKS_BETWEEN_LOOKS = 10
STEP_SECONDS = 0.002
IDLE_SECONDS = 75
"""How long an idle connection is kept: well over the 5 s between two polls of a device."""
FEWEST_CONNECTIONS, MOST_CONNECTIONS = 16, 10_000
SPARE_DESCRIPTORS = 64
"""Reserved for the database, the log and other files."""
OVERDUE_SECONDS = 1.0
SHARE = 0.75
"""Of the connections, for one address."""
PIECE = 4096
"""Bytes that are parsed at a time."""
SLOWEST_SECONDS = 30.0
"""How long a request may take to arrive; without it half a request holds a connection forever."""


WHY_TOO_SLOW = b"The request took too long to come."
TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s"
) % (len(WHY_TOO_SLOW), WHY_TOO_SLOW)


def bind_socket(settings: Settings) -> socket.socket:
    """Bind the address to listen on.

    Raises:
        OSError: it is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host.strip("[]"), settings.port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def transport_security(settings: Settings) -> list[tuple[str, str]]:
    """Return the header fields of every response: none on loopback, whose names all programs of a machine share."""
    tls = (settings.public_url or "").startswith("https:") and not settings.loopback
    return [("strict-transport-security", f"max-age={YEAR_SECONDS}")] if tls else []


def socket_origin(settings: Settings, listener: socket.socket) -> str:
    """Return the origin at which a bound socket is reached."""
    host = f"[{settings.host.strip('[]')}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"


class LimitedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, with limits to what may come before a request's body, and to how long a request may take."""

    _no_body = 0  # bytes that have come since a request began, or since the last of its body
    _asked = False
    _began: float | None = None  # to come, on the loop's clock; None while none is on its way
    _since = 0.0  # it was made, or the last request began, on the loop's clock
    _unparsed: bytes = b""  # that has come, behind as many requests as may wait

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a client may offer another protocol, and uvicorn would tell its user to install packages."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a request; if there are too many connections, close one that waits longest."""
        super().connection_made(transport)
        self._began = self._since = self.loop.time()
        close_excess_connection(cast("set[LimitedHttpProtocol]", self.connections), connection_limit())

    def data_received(self, data: bytes) -> None:
        """Process received bytes; refuse a head, or trailer fields, without an end."""
        self._no_body += len(data)
        if self._unparsed or len(data) > PIECE or self._no_body > LARGEST_HEAD or self.pipeline:
            self._no_body -= len(data)
            self._unparsed += data
            self._parse()
        else:
            super().data_received(data)

    def _parse(self) -> None:
        """Parse what has come, up to so many requests that wait for the one before.

        uvicorn keeps each of them, and its scope, until it is answered; a client that sends thousands and reads nothing
        would fill the memory.
        """
        while self._unparsed and len(self.pipeline) < MOST_PIPELINED and not self.transport.is_closing():
            piece, self._unparsed = self._unparsed[:PIECE], self._unparsed[PIECE:]
            self._no_body += len(piece)
            if self._no_body > LARGEST_HEAD:
                self.send_400_response("The head of the request is too large.")
                return
            super().data_received(piece)
        if self._unparsed and not self.transport.is_closing():
            self.flow.pause_reading()

    def on_response_complete(self) -> None:
        """Continue with the bytes received meanwhile."""
        super().on_response_complete()
        if self._unparsed:
            self._parse()

    @property
    def is_waiting(self) -> bool:
        """Return whether it waits for its client: no response is in progress."""
        cycle = self._last_cycle()
        return cycle is None or cycle.response_complete or cycle.more_body

    @property
    def eviction_key(self) -> tuple[bool, float]:
        """What orders connections that wait: the one to close first is the least.

        One on which a request is overdue comes before those that are kept for the next one; then the time decides.
        """
        if self._began is not None and self.loop.time() - self._began > OVERDUE_SECONDS:
            return False, self._began
        return True, self._since

    def on_message_begin(self) -> None:
        """Start counting the bytes of a request."""
        self._no_body, self._asked = 0, True
        self._began = self._since = self.loop.time()
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """Reset the count: bodies have limits of their own."""
        self._no_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Mark the request as complete."""
        self._began = None
        super().on_message_complete()

    def close_if_overdue(self, now: float) -> None:
        """Answer 408 to a request that takes too long to arrive."""
        if self._began is None or now - self._began < SLOWEST_SECONDS:
            return
        cycle = self._last_cycle()
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            return  # the answer to the one before has yet to leave
        refused = cycle is not None and cycle.response_started and not cycle.response_complete
        if self._asked and not refused:
            self.transport.write(TOO_SLOW)
        self.transport.close()

    def _last_cycle(self) -> RequestResponseCycle | None:
        """Return the request whose body arrives, or the one before; uvicorn has none at first."""
        return self.cycle


@cache
def connection_limit() -> int:
    """Return how many connections a process keeps, by the descriptors that it may have."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ModuleNotFoundError:  # pragma: no cover - on Windows
        return MOST_CONNECTIONS
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(FEWEST_CONNECTIONS, min(MOST_CONNECTIONS, soft - SPARE_DESCRIPTORS))


def close_excess_connection(connections: set[LimitedHttpProtocol], most: int) -> None:
    """Close a connection that has long waited for its client, if there are too many in all or of one address.

    So a client that opens many connections and sends half a request on each does not block other clients.
    """
    if len(connections) <= most * SHARE:
        return
    by_address = Counter(_address(one) for one in connections)
    address, count = by_address.most_common(1)[0]
    if len(connections) <= most and (count <= most * SHARE or len(by_address) == 1):
        return
    waiting = [one for one in connections if one.is_waiting and _address(one) == address]
    if waiting:
        min(waiting, key=lambda one: one.eviction_key).transport.abort()


def _address(connection: LimitedHttpProtocol) -> str:
    return network_of(connection.client[0]) if connection.client else ""


class HttpServer(uvicorn.Server):
    """uvicorn with start and stop as events instead of a check every tenth of a second.

    It keeps no access log, and nothing that clients send comes into any other. Use it within one event loop.
    """

    def __init__(
        self,
        application: ASGIApp,
        settings: Settings,
        *,
        started: Callable[[], None],
        stopping: Callable[[], None] = lambda: None,
        grace: float = GRACE_SECONDS,
    ) -> None:
        config = uvicorn.Config(
            application,
            access_log=False,
            backlog=BACKLOG,
            headers=transport_security(settings),
            http=LimitedHttpProtocol,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            ws="none",
        )
        super().__init__(config)
        self._tell_started = started
        self._tell_stopping = stopping
        self._grace = grace
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Accept no new connections, finish the responses in progress, then end."""
        self.should_exit = True
        self._tell_stopping()
        self._stopping.set()

    def stop_now(self) -> None:
        """Stop without waiting for responses in progress."""
        self._grace = 0.0

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the caller."""
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until stopped; after an error, close what is open first, as uvloop never ends while it listens."""
        try:
            await super().serve(sockets)
        except BaseException:
            self.stop_now()
            if self.started:
                await self.shutdown(sockets)
            raise

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self._tell_started()

    async def main_loop(self) -> None:
        """Update the date header and close overdue requests until the server is stopped."""
        ticks, loop, descriptors = 0, asyncio.get_running_loop(), DescriptorMonitor()
        while not await self.on_tick(ticks):
            ticks += 1
            descriptors.look(loop.time())
            if ticks % TICKS_BETWEEN_LOOKS == 0:
                for connection in list(self.server_state.connections):
                    if isinstance(connection, LimitedHttpProtocol):
                        LimitedHttpProtocol.close_if_overdue(connection, loop.time())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close idle connections at once, the others after their response or the grace period."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        loop = asyncio.get_running_loop()
        since = loop.time()
        while self.server_state.connections and loop.time() < since + self._grace:  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(STEP_SECONDS)
        for connection in list(self.server_state.connections):
            transport: asyncio.Transport | None = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
