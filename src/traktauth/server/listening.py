"""The socket and the HTTP server under a local Trakt."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from starlette.types import ASGIApp
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from traktauth.server.settings import Settings

BACKLOG = 2048
GRACE_SECONDS = 30.0
"""How long answers that are under way may take to leave when the server is stopped."""
TICK_SECONDS = 0.1
TICKS_BETWEEN_LOOKS = 10
STEP_SECONDS = 0.002
IDLE_SECONDS = 75
"""How long a connection is kept on which nothing is asked: well over the 5 s between two polls of a device."""
LARGEST_HEAD = 256 * 1024
SLOWEST_SECONDS = 30.0
"""How long a request may take to arrive: who sends a part and no more holds a connection for ever."""


WHY_TOO_SLOW = b"The request took too long to come."
TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s"
) % (len(WHY_TOO_SLOW), WHY_TOO_SLOW)


def bound(settings: Settings) -> socket.socket:
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


def url_of(settings: Settings, listener: socket.socket) -> str:
    """Give the origin that a bound socket is reached at."""
    host = f"[{settings.host.strip('[]')}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, with limits to what may come before a request's body, and to how long a request may take."""

    _no_body = 0  # bytes that have come since a request began, or since the last of its body
    _asked = False
    _began: float | None = None  # to come, on the loop's clock; None while none is on its way

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._began = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Take what has come; refuse a head, or fields behind the body, that do not end."""
        self._no_body += len(data)
        if self._no_body > LARGEST_HEAD:
            self.send_400_response("The head of the request is too large.")
            return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._no_body, self._asked, self._began = 0, True, self.loop.time()
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """Count anew: bodies have limits of their own."""
        self._no_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that it has come."""
        self._began = None
        super().on_message_complete()

    def give_up(self, now: float) -> None:
        """Refuse a request that has been on its way for too long."""
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
        """Give the request whose body comes, or the one before; uvicorn has none at first."""
        return self.cycle


class HttpServer(uvicorn.Server):
    """uvicorn, told when to start and stop instead of looking every tenth of a second.

    It keeps no access log, and nothing that clients send comes into any other. Use it within one event loop.
    """

    def __init__(self, application: ASGIApp, *, started: Callable[[], None], grace: float = GRACE_SECONDS) -> None:
        config = uvicorn.Config(
            application,
            access_log=False,
            backlog=BACKLOG,
            http=BoundedProtocol,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            ws="none",
        )
        super().__init__(config)
        self._tell_started = started
        self._grace = grace
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no new connections, let answers that are under way leave, then end."""
        self.should_exit = True
        self._stopping.set()

    def hurry(self) -> None:
        """Wait for no answer any longer."""
        self._grace = 0.0

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to whoever runs the server."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self._tell_started()

    async def main_loop(self) -> None:
        """Keep the date in the answers right, and wait for no request for ever, until told to stop."""
        ticks, loop = 0, asyncio.get_running_loop()
        while not await self.on_tick(ticks):
            ticks += 1
            if ticks % TICKS_BETWEEN_LOOKS == 0:
                for connection in list(self.server_state.connections):
                    if isinstance(connection, BoundedProtocol):
                        BoundedProtocol.give_up(connection, loop.time())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is idle at once, and the rest when its answer has left or the grace is over."""
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
