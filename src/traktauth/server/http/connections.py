"""The open connections under the HTTP server, for faults that cut one."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class ConnectionRegistry:
    """The transports of open connections, by the address and port of the client."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self, **arguments: Any) -> asyncio.Protocol:  # noqa: ANN401 - uvicorn's own arguments
        """Return uvicorn's protocol for a new connection, which is registered here while it is open."""
        return _RegisteredProtocol(HttpToolsProtocol(**arguments), self._open)

    def abort(self, client: tuple[str, int] | None) -> None:
        """Cut the connection of a client without a response.

        Raises:
            RuntimeError: there is none, as the application does not run under uvicorn.
        """
        transport = None if client is None else self._open.get((client[0], client[1]))
        if transport is None:
            raise RuntimeError("a connection can only be cut under uvicorn")
        transport.abort()

    def abort_all(self) -> None:
        """Cut every connection."""
        for transport in list(self._open.values()):
            transport.abort()


class _RegisteredProtocol(asyncio.Protocol):
    """Passes everything on to *inner*."""

    def __init__(self, inner: asyncio.Protocol, registered: dict[tuple[str, int], asyncio.Transport]) -> None:
        self._inner = inner
        self._registered = registered
        self._client = ("", 0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as every TCP server has
        """Register the connection."""
        peer = transport.get_extra_info("peername") or self._client
        self._client = (peer[0], peer[1])
        self._registered[self._client] = transport
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what was received."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that the client has sent everything."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the client does not read."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client reads again."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._registered.pop(self._client, None)
        self._inner.connection_lost(exc)
