"""A local Trakt under uvicorn, in a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from traktauth.server.app import Built
from traktauth.server.settings import Settings
from traktauth.server.storage.database import purge

T = TypeVar("T")
BACKLOG = 2048
HANDSHAKE_SECONDS = 30
GRACE_SECONDS = 30
"""How long responses in progress may take when the server stops."""
IDLE_SECONDS = 75
"""How long an idle connection is kept: well over the 5 s between two polls of a device."""
YEAR_SECONDS = 31_536_000


def bind_socket(settings: Settings) -> socket.socket:
    """Bind the address to listen on; raise OSError if it is taken, or not an address of this machine."""
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


def socket_origin(settings: Settings, listener: socket.socket) -> str:
    """Return the origin at which a bound socket is reached."""
    host = f"[{settings.host.strip('[]')}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"


class ServerThread:
    """Serves in a thread, from `start` to `stop` or `abort`.

    Args:
        built: the application; it is closed at the end.
        listener: the bound socket; it is closed at the end.
        on_end: is called when the thread ends, for whatever reason.
    """

    def __init__(self, built: Built, listener: socket.socket, *, on_end: Callable[[], None] = lambda: None) -> None:
        self._built = built
        self._listener = listener
        self._on_end = on_end
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None
        self._server = uvicorn.Server(self._config(built.application))
        self._server.server_state.connections = cast("Any", built.context.connections)
        self._thread = threading.Thread(target=self._run, name="local-trakt", daemon=True)

    def start(self) -> None:
        """Start the thread; connections are accepted when this returns; raise OSError if it cannot begin."""
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread's event loop and return its result; raise RuntimeError once it has ended."""
        if self._loop is None:
            coroutine.close()
            raise RuntimeError("this server has ended")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def listen(self, application: ASGIApp, tls: ssl.SSLContext | None) -> asyncio.Server:
        """Serve an application on a port of 127.0.0.1 of its own as well; called in the thread's event loop."""
        config, state = self._config(application), self._server.server_state
        return await asyncio.get_running_loop().create_server(
            lambda: HttpToolsProtocol(config, state, {}),
            "127.0.0.1",
            0,
            backlog=BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if tls else None,
        )

    def stop(self) -> None:
        """Finish the responses in progress, then end."""
        self._server.should_exit = True
        self._call(self._built.context.exchanges.close)  # ends the streams of the control page
        self._thread.join()

    def skip_grace(self) -> None:
        """Do not wait for responses in progress any longer."""
        self._server.force_exit = True

    def abort(self) -> None:
        """End at once: a test that ends has no responses to wait for."""
        if self._serving is not None:
            self._call(self._serving.cancel)
        self._thread.join()

    def _call(self, function: Callable[[], object]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(function)

    def _config(self, application: ASGIApp) -> uvicorn.Config:
        settings = self._built.context.settings
        tls = (settings.public_url or "").startswith("https:") and not settings.loopback
        return uvicorn.Config(
            application,
            access_log=False,
            backlog=BACKLOG,
            headers=[("strict-transport-security", f"max-age={YEAR_SECONDS}")] if tls else [],
            http=HttpToolsProtocol,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=IDLE_SECONDS,
            ws="none",
        )

    def _run(self) -> None:
        serving = self._serve()
        try:
            uvloop.run(serving)
        except OSError as error:
            if self._started.is_set():
                raise
            self._error = error
        finally:
            serving.close()  # it was not begun if no loop could be made
            self._loop = None
            self._listener.close()
            self._built.close()
            self._started.set()
            self._on_end()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        context = self._built.context
        self._serving = asyncio.create_task(self._server.serve([self._listener]))
        cleaning = asyncio.create_task(purge(context.database, context.clock))
        while not (self._server.started or self._serving.done()):  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(0)
        if self._server.started:
            self._started.set()
        try:
            await self._serving
        except asyncio.CancelledError:  # `abort`
            for server in self._server.servers:
                server.close()
        finally:
            cleaning.cancel()
            for connection in list(context.connections):
                connection.transport.abort()
            await asyncio.sleep(0)  # so that uvicorn sees that they are gone
