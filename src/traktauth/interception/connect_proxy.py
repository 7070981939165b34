"""An HTTP proxy on 127.0.0.1 that passes bytes on: a function connects to the server for a host and port."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
import struct
from base64 import b64encode
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

HTTP_PORT, HTTPS_PORT = 80, 443
LARGEST_HEAD = 65_536  # bytes of a request's line and fields
BLOCK = 65_536
HEAD_SECONDS = 30.0
CLOSE_SECONDS = 5.0
CONNECT_SECONDS = 30.0
BACKLOG = 512
NOT_FOR_A_PROXY = "this is a proxy: send CONNECT HOST:PORT, or an absolute http:// address"


class Address(NamedTuple):
    """A host, in lower case and without a trailing dot, and a port."""

    host: str
    port: int


class Refused(Exception):
    """A host may not be reached; the text says why."""


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
USER = "traktauth"
"""The user name that goes with a password."""


class ConnectProxy:
    """A proxy, used within one event loop.

    Args:
        name: how the proxy calls itself in its own responses.
        connect: connects to the server for an address that a program asks for; raises `Refused`, or an OSError.
        password: what every request must carry (RFC 9110 section 11.7); None: nothing.
    """

    def __init__(
        self, name: str, connect: Callable[[Address], Awaitable[Streams]], *, password: str | None = None
    ) -> None:
        self._name = name
        self._connect = connect
        self._credentials = None if password is None else b64encode(f"{USER}:{password}".encode())
        self._connections: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    async def start(self) -> int:
        """Listen, and return the port.

        Raises:
            OSError: no port is free.
        """
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=LARGEST_HEAD, backlog=BACKLOG)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def serve(self, listener: socket.socket) -> None:
        """Accept connections at a listening socket, too."""
        self._servers.append(await asyncio.start_server(self._accept, sock=listener, limit=LARGEST_HEAD))

    async def stop(self) -> None:
        """Close the port and every connection."""
        while self._servers:
            self._servers.pop().close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._servers:  # it came while the proxy was stopped
            writer.transport.abort()
            return
        connection = asyncio.current_task()
        if connection is not None:
            self._connections.add(connection)
            connection.add_done_callback(self._connections.discard)
        try:
            await self._serve(reader, writer)
            await _close(writer)
        except ConnectionResetError:  # of one side, and now of the other
            of_client = writer.get_extra_info("socket")
            if of_client is not None:  # the connection to the server was reset
                of_client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, EOFError, TimeoutError, asyncio.CancelledError):
            pass  # one of the two sides went away, or the proxy ends
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                request = _read_head(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError:
            message = f"the head of a request has more than {LARGEST_HEAD} bytes"
            await self._answer(reader, writer, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)
            return
        if request is None:
            await self._answer(reader, writer, HTTPStatus.BAD_REQUEST, NOT_FOR_A_PROXY)
            return
        if self._credentials is not None and not hmac.compare_digest(request.credentials, self._credentials):
            message = "use the user name and password of the address in HTTPS_PROXY"
            await self._answer(reader, writer, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, message)
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                to_reader, to_writer = await self._connect(request.address)
        except Refused as refusal:
            await self._answer(reader, writer, HTTPStatus.FORBIDDEN, str(refusal))
            return
        except OSError as error:  # TimeoutError is one
            message = f"{request.address.host} cannot be reached: {type(error).__name__}"
            await self._answer(reader, writer, HTTPStatus.BAD_GATEWAY, message)
            return
        try:
            if request.is_tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            to_writer.write(request.forwarded)
            await _exchange(_pipe(reader, to_writer), _pipe(to_reader, writer))
        finally:
            to_writer.transport.abort()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: HTTPStatus, message: str
    ) -> None:
        body = f"{self._name}: {message}\n".encode()
        head = f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            head += 'Proxy-Authenticate: Basic realm="traktauth"\r\n'
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        with contextlib.suppress(OSError, TimeoutError):
            writer.write_eof()
            async with asyncio.timeout(CLOSE_SECONDS):
                while await reader.read(BLOCK):  # a connection with unread bytes is reset, and the response with it
                    pass


class _Head(NamedTuple):
    """The head of a request to the proxy.

    Attributes:
        address: what is asked for.
        is_tunnel: whether it is CONNECT.
        credentials: of Basic authentication at the proxy; empty without any.
        forwarded: what the server is sent of it: nothing for a tunnel.
    """

    address: Address
    is_tunnel: bool
    credentials: bytes
    forwarded: bytes


_FOR_THE_PROXY = (b"connection", b"proxy-connection", b"proxy-authorization")


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
    credentials = _read_credentials(fields)
    if method == "CONNECT":
        if port is None:  # it must be given (RFC 9110 section 9.3.6)
            return None
        return _Head(Address(host, port), is_tunnel=True, credentials=credentials, forwarded=b"")
    if parts.scheme != "http":
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # The connection ends with this response: the next request on it could be for another host.
    kept = [one for one in fields if one.partition(b":")[0].lower() not in _FOR_THE_PROXY]
    forwarded = b"\r\n".join([f"{method} {path} {version}".encode(), *kept, b"Connection: close"]) + b"\r\n\r\n"
    return _Head(Address(host, port or HTTP_PORT), is_tunnel=False, credentials=credentials, forwarded=forwarded)


def _read_credentials(fields: list[bytes]) -> bytes:
    for field in fields:
        name, _, value = field.partition(b":")
        scheme, _, credentials = value.strip().partition(b" ")
        if name.lower() == b"proxy-authorization" and scheme.lower() == b"basic":
            return credentials.strip()
    return b""


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until the sender ends."""
    while data := await reader.read(BLOCK):
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
