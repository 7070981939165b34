"""The interceptor: a CONNECT proxy whose connections to Trakt's hosts end in this process, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from traktauth.interception.connect_proxy import HTTP_PORT, HTTPS_PORT, Address, ConnectProxy, Refused, Streams
from traktauth.interception.environment import HOSTS
from traktauth.proxy.application import Application
from traktauth.proxy.tunnels import open_tunnel
from traktauth.proxy.upstream import Upstream

T = TypeVar("T")
STAGING_HOSTS = ("staging.trakt.tv", "api-staging.trakt.tv")
INTERCEPTED = (*HOSTS, *STAGING_HOSTS)
HANDSHAKE_SECONDS = 30.0
IDLE_SECONDS = 75


class Interceptor:
    """A proxy for one program, from `start` to `close`.

    A connection to one of Trakt's hosts gets one end of a socket pair; the other end is served here, with TLS. Nothing
    listens but the proxy, so no other user of this machine gets past its password.

    Args:
        application: what serves these hosts.
        upstream: closed with this.
        tls: the TLS settings of these hosts.
        allow: hosts on this machine that may be reached.

    Attributes:
        password: of the proxy.
        port: of the proxy, once it is started.
    """

    def __init__(
        self, application: Application, upstream: Upstream, tls: ssl.SSLContext, *, allow: Collection[str] = ()
    ) -> None:
        self._application = application
        self._upstream = upstream
        self._tls = tls
        self._allow = frozenset(host.strip().rstrip(".").lower() for host in allow)
        self._config = uvicorn.Config(
            application,
            access_log=False,
            date_header=False,
            http=HttpToolsProtocol,
            lifespan="off",
            log_config=None,
            log_level="error",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            ws="none",
        )
        self._config.load()
        self._state = ServerState()
        self._serving: set[asyncio.Task[None]] = set()
        self.password = secrets.token_urlsafe(32)
        self.port = 0
        self._proxy = ConnectProxy("traktauth proxy", self._connect, password=self.password)
        self._encrypted: Counter[str] = Counter()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="traktauth-proxy", daemon=True)

    def start(self) -> None:
        """Start the thread and the proxy.

        Raises:
            OSError: no port is free.
        """
        self._thread.start()
        self.port = self._run(self._proxy.start())

    def close(self) -> None:
        """End every connection, the proxy and the thread."""
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def reached(self) -> dict[str, int]:
        """Trakt hosts that the program sent requests to, and how many."""
        return dict(self._application.reached)

    @property
    def distrusted(self) -> frozenset[str]:
        """Trakt hosts that the program made encrypted connections to, and sent no request."""
        return frozenset(self._encrypted.keys() - self._application.reached.keys())

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _connect(self, asked: Address) -> Streams:
        if asked.host not in INTERCEPTED:
            return await open_tunnel(asked, allow=self._allow)
        if asked.port not in (HTTP_PORT, HTTPS_PORT):
            raise Refused(f"{asked.host} is reached at the ports 80 and 443 alone")
        ours, theirs = socket.socketpair()
        serving = asyncio.ensure_future(self._serve(theirs, asked))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        return await asyncio.open_unix_connection(sock=ours)

    async def _serve(self, connection: socket.socket, asked: Address) -> None:
        is_encrypted = asked.port == HTTPS_PORT
        if is_encrypted:
            self._encrypted[asked.host] += 1
        with contextlib.suppress(OSError):  # the program has gone, or does not trust the certificate
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: HttpToolsProtocol(self._config, self._state, {"host": asked.host}),
                connection,
                ssl=self._tls if is_encrypted else None,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if is_encrypted else None,
            )

    async def _stop(self) -> None:
        await self._proxy.stop()
        for connection in list(self._state.connections):
            connection.transport.abort()
        for task in (*self._serving, *self._state.tasks):
            task.cancel()
        await asyncio.gather(*self._serving, *self._state.tasks, return_exceptions=True)
        await self._upstream.close()
