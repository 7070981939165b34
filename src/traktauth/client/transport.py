"""Transports of this library's own HTTP clients, on the public interface of httpcore2."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2

from traktauth.client.http_errors import PROXY

# ruff: noqa: ANN401 - streams of two kinds, and what is passed on

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from traktauth.client.http_exchange import Exchange

    _Wrap = Callable[[httpcore2.NetworkStream], httpcore2.NetworkStream]

EXCHANGE = "traktauth_exchange"
"""The extension of a request that holds the `Exchange` to which it belongs."""

# How many connections are kept, and for how many seconds.
_KEPT: dict[str, Any] = {"max_keepalive_connections": 20, "keepalive_expiry": 5.0}
_SOCKS = b"\x01\x05"  # what a response of a SOCKS proxy begins with; an HTTP response does not
# The two libraries give their errors the same names.
_ERRORS = {
    kind: getattr(httpx2, name)
    for name, kind in vars(httpcore2).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and name in httpx2.__all__
}


class Transport(httpx2.BaseTransport):
    """Sends requests directly or through one proxy.

    The request of an `Exchange` has a connection of its own. If the other side closed a kept one in that moment, it
    would be unknown whether the refresh token was used; and a late response would be taken for another request's.

    Args:
        tls: the trusted certificates.
        proxy: the proxy; None sends directly.
        name: the proxy as messages show it.
    """

    def __init__(self, tls: ssl.SSLContext, proxy: httpcore2.Proxy | None = None, name: str | None = None) -> None:
        self._name = name
        self._new_pool = partial(httpcore2.ConnectionPool, ssl_context=tls, proxy=proxy, max_connections=None)
        self._pool = self._new_pool(network_backend=_Backend(_KeptStream), **_KEPT)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        exchange: Exchange | None = request.extensions.get(EXCHANGE)
        pool, content = self._pool, request.stream
        if exchange is not None:
            backend = _Backend(lambda stream: _OwnStream(stream, exchange))
            pool = self._new_pool(network_backend=backend, max_keepalive_connections=0)
            content = _body_of(exchange, content)
        with _translate_errors(request, self._name):
            response = pool.handle_request(_to_core(request, content))
        return _from_core(response, request, self._name)

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.close()


class AsyncTransport(httpx2.AsyncBaseTransport):
    """Sends API requests of an async client."""

    def __init__(self, tls: ssl.SSLContext, proxy: httpcore2.Proxy | None = None, name: str | None = None) -> None:
        self._name = name
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls, proxy=proxy, max_connections=None, network_backend=_AsyncBackend(), **_KEPT
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        with _translate_errors(request, self._name):
            response = await self._pool.handle_async_request(_to_core(request, request.stream))
        return _from_core(response, request, self._name)

    async def aclose(self) -> None:
        """Close the kept connections."""
        await self._pool.aclose()


# ---------------------------------------------------------------- between the two libraries
def _to_core(request: httpx2.Request, content: Any) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        request.method,
        httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=content,
        extensions=request.extensions,
    )


def _from_core(response: Any, request: httpx2.Request, proxy: str | None) -> httpx2.Response:
    body = _Body(response, request, proxy)
    return httpx2.Response(response.status, headers=response.headers, stream=body, extensions=response.extensions)


@contextmanager
def _translate_errors(request: httpx2.Request, proxy: str | None) -> Generator[None]:
    try:
        yield
    except Exception as error:
        kind = _ERRORS.get(type(error))
        if kind is None:
            raise
        request.extensions[PROXY] = proxy
        raise kind(str(error), request=request) from error


class _Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response, request: httpx2.Request, proxy: str | None) -> None:
        self._response, self._request, self._proxy = response, request, proxy

    def __iter__(self) -> Iterator[bytes]:
        with _translate_errors(self._request, self._proxy):
            yield from self._response.iter_stream()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translate_errors(self._request, self._proxy):
            async for part in self._response.aiter_stream():
                yield part

    def close(self) -> None:
        self._response.close()

    async def aclose(self) -> None:
        await self._response.aclose()


def _body_of(exchange: Exchange, content: Any) -> Any:
    # The body holds the token. It is read after the head was sent, and so after every request to a proxy.
    exchange.begin_sending()
    yield from content


# ---------------------------------------------------------------- connections
class _Backend(httpcore2.NetworkBackend):
    def __init__(self, wrap: _Wrap) -> None:
        self._wrap = wrap
        self._backend = httpcore2.SyncBackend()

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        return self._wrap(self._backend.connect_tcp(*args, **kwargs))


class _AsyncBackend(httpcore2.AsyncNetworkBackend):
    def __init__(self) -> None:
        self._backend: Any = httpcore2.AnyIOBackend()

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore2.AsyncNetworkStream:
        return _AsyncKeptStream(await self._backend.connect_tcp(*args, **kwargs))


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, wrap: _Wrap) -> None:
        self._stream, self._wrap = stream, wrap

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        return self._wrap(self._stream.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _OwnStream(_Stream):
    """The connection of one exchange, which gets all that arrives."""

    def __init__(self, stream: httpcore2.NetworkStream, exchange: Exchange) -> None:
        super().__init__(stream, lambda stream: _OwnStream(stream, exchange))
        self._exchange = exchange

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = b""
        try:
            data = self._stream.read(max_bytes, timeout)
        finally:
            self._exchange.keep(data)
        return data

    def close(self) -> None:
        self._exchange.read_rest(self)
        super().close()


class _HeldByte:
    """The last byte received, which is held back until it is asked for.

    A response needs its last byte. If nothing asks for it, more than the response has arrived, which would be taken for
    the next request's response. The connection then counts as readable, and httpcore2 closes it instead of using it.
    """

    _stream: Any
    _byte = b""

    def _take(self) -> bytes:
        byte, self._byte = self._byte, b""
        return byte

    def _hold(self, data: bytes) -> bytes:
        if len(data) > 1 and data[0] not in _SOCKS:
            data, self._byte = data[:-1], data[-1:]
        return data

    def get_extra_info(self, info: str) -> Any:
        return (info == "is_readable" and bool(self._byte)) or self._stream.get_extra_info(info)


class _KeptStream(_HeldByte, _Stream):
    """A connection that is used for several requests, unless it gets out of step."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        super().__init__(stream, _KeptStream)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._take() or self._hold(self._stream.read(max_bytes, timeout))


class _AsyncKeptStream(_HeldByte, httpcore2.AsyncNetworkStream):
    """The same for an async client."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._take() or self._hold(await self._stream.read(max_bytes, timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *args: Any, **kwargs: Any) -> httpcore2.AsyncNetworkStream:
        return _AsyncKeptStream(await self._stream.start_tls(*args, **kwargs))
