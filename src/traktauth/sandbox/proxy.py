"""An HTTP proxy on loopback: Trakt's hosts end at the local Trakt, all other hosts are refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

from traktauth.sandbox.exchanges import Exchange, ExchangeReader
from traktauth.sandbox.hosts import HOSTS, is_trakt

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Coroutine

HTTP_PORT, HTTPS_PORT = 80, 443
LARGEST_HEAD = 65_536  # bytes of a request's line and fields
BLOCK = 65_536
HANDSHAKE_SECONDS = 30.0
HEAD_SECONDS = 30.0
CLOSE_SECONDS = 5.0
CONNECT_SECONDS = 30.0
BACKLOG = 512


class Address(NamedTuple):
    """Where a server is."""

    host: str
    port: int


class Hooks(Protocol):
    """Called around each exchange with a Trakt host, and awaited before the bytes are passed on."""

    def on_request(self, exchange: Exchange) -> Awaitable[None]:
        """Take note of a complete request; it reaches the local Trakt afterwards."""
        ...

    def on_response(self, exchange: Exchange) -> Awaitable[None]:
        """Take note of a complete response; the last of it reaches the program afterwards."""
        ...


class Proxy:
    """The proxy of one sandbox, used within one event loop.

    Args:
        trakt: where the local Trakt listens.
        context: the TLS settings of Trakt's hosts.
        allow: further hosts, which are reached untouched.
        hooks: called around each exchange with a Trakt host.

    Attributes:
        refused: how many connections to each host were refused.
        reached: how many requests each Trakt host was sent.
        distrusted: Trakt hosts whose certificate the program did not accept.
        encrypted: Trakt hosts to which an encrypted connection was made.
        asked: Trakt hosts that were sent anything on a connection.
    """

    def __init__(self, trakt: Address, context: ssl.SSLContext, *, allow: frozenset[str], hooks: Hooks) -> None:
        self._trakt = trakt
        self._context = context
        self._allow = allow
        self._hooks = hooks
        self.refused: Counter[str] = Counter()
        self.reached: Counter[str] = Counter()
        self.distrusted: set[str] = set()
        self.encrypted: set[str] = set()
        self.asked: set[str] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen, and return the port.

        Raises:
            OSError: no port is free.
        """
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, limit=LARGEST_HEAD, backlog=BACKLOG, start_serving=True
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        if connection is not None:
            self._connections.add(connection)
            connection.add_done_callback(self._connections.discard)
        try:
            await self._serve(reader, writer)
            await _close(writer)
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError, asyncio.CancelledError):
            pass  # one of the two sides went away, or the sandbox ends
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            await _answer(reader, writer, 431, f"the head of a request has more than {LARGEST_HEAD} bytes")
            return
        request = _read_head(head)
        if request is None:
            await _answer(
                reader, writer, 400, "this is a proxy: send CONNECT HOST:PORT, or an absolute http:// address"
            )
        elif request.address.host in HOSTS and request.address.port in (HTTP_PORT, HTTPS_PORT):
            await self._serve_trakt(request, reader, writer)
        elif request.address.host in self._allow:
            await self._tunnel(request, reader, writer)
        else:
            host, port = request.address
            self.refused[host] += 1
            if is_trakt(host):
                why = "the sandbox has trakt.tv, www., api., auth. and app.trakt.tv at ports 80 and 443 alone"
                await _answer(reader, writer, 403, f"{host}:{port} is refused: {why}")
            else:
                await _answer(reader, writer, 403, f"{host} is refused (allow it with --allow HOST)")

    async def _serve_trakt(self, request: _Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = request.address
        if request.tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
        if request.tunnel and port == HTTPS_PORT:
            try:
                await writer.start_tls(self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS)
            except (OSError, EOFError):
                self.distrusted.add(host)
                raise
            self.encrypted.add(host)
        exchanges = ExchangeReader(host)

        async def note_requests(data: bytes) -> None:
            self.asked.add(host)
            for exchange in exchanges.read_request(data):
                self.reached[host] += 1
                await self._hooks.on_request(exchange)

        async def note_responses(data: bytes) -> None:
            for exchange in exchanges.read_response(data):
                self.reached[host] += not exchange.complete
                await self._hooks.on_response(exchange)

        to_reader, to_writer = await asyncio.open_connection(*self._trakt, limit=LARGEST_HEAD)
        try:
            if request.forwarded:
                await note_requests(request.forwarded)
                to_writer.write(request.forwarded)
            await _exchange(
                _pipe(reader, to_writer, note_requests),
                _pipe(to_reader, writer, note_responses),
            )
        finally:
            to_writer.transport.abort()

    async def _tunnel(self, request: _Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                to_reader, to_writer = await asyncio.open_connection(*request.address)
        except OSError as error:  # TimeoutError is one
            await _answer(reader, writer, 502, f"{request.address.host} cannot be reached: {type(error).__name__}")
            return
        try:
            if request.tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            to_writer.write(request.forwarded)
            await _exchange(_pipe(reader, to_writer, None), _pipe(to_reader, writer, None))
        finally:
            to_writer.transport.abort()


class _Head(NamedTuple):
    """The head of a request to the proxy.

    Attributes:
        address: the host, in lower case and without a trailing dot, and the port.
        tunnel: whether a tunnel is asked for (CONNECT).
        forwarded: what the server is sent of it: nothing for a tunnel.
    """

    address: Address
    tunnel: bool
    forwarded: bytes


def _read_head(head: bytes) -> _Head | None:
    """Read a request to a proxy (RFC 9112 section 3.2); None for any other request."""
    line, *fields = head[:-4].split(b"\r\n")
    try:
        method, target, version = line.decode("ascii").split(" ")
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or port == 0 or not version.startswith("HTTP/1."):
        return None
    host = host.rstrip(".").lower()
    if method == "CONNECT":  # its port must be given (RFC 9110 section 9.3.6)
        return None if port is None else _Head(Address(host, port), tunnel=True, forwarded=b"")
    if parts.scheme != "http":
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # The connection ends with this response: the next request on it could be for another host.
    kept = [one for one in fields if one.partition(b":")[0].lower() not in (b"connection", b"proxy-connection")]
    forwarded = [f"{method} {path} {version}".encode(), *kept, b"Connection: close"]
    return _Head(Address(host, port or HTTP_PORT), tunnel=False, forwarded=b"\r\n".join(forwarded) + b"\r\n\r\n")


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int, message: str) -> None:
    reason = {400: "Bad Request", 403: "Forbidden", 431: "Request Header Fields Too Large", 502: "Bad Gateway"}[status]
    body = f"traktauth sandbox: {message}\n".encode()
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
    with contextlib.suppress(OSError, TimeoutError):
        writer.write_eof()
        async with asyncio.timeout(CLOSE_SECONDS):
            while await reader.read(BLOCK):  # a connection with unread bytes is reset, and the response with it
                pass
    await _close(writer)


async def _pipe(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    note: Callable[[bytes], Awaitable[None]] | None,
) -> None:
    """Pass bytes on until the sender ends, noting them first."""
    while data := await reader.read(BLOCK):
        if note is not None:
            await note(data)
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _exchange(upstream: Coroutine[None, None, None], downstream: Coroutine[None, None, None]) -> None:
    """Run both directions until the server has sent everything, or one of them fails."""
    sending, receiving = asyncio.ensure_future(upstream), asyncio.ensure_future(downstream)
    try:
        await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
        await receiving
    finally:
        for task in (sending, receiving):
            task.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close a connection once what was written has left."""
    with contextlib.suppress(OSError, TimeoutError):
        writer.close()
        async with asyncio.timeout(CLOSE_SECONDS):
            await writer.wait_closed()
