"""Requests that are passed on to Trakt, and responses that are passed back: both bodies streamed, no redirects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from traktauth.client.api_address import is_on_this_machine
from traktauth.client.http import new_async_client
from traktauth.errors import TryLater
from traktauth.timeouts import CONNECT_TIMEOUT

if TYPE_CHECKING:
    from traktauth.protocol import Service

Fields = list[tuple[bytes, bytes]]
LARGEST_KEPT = 1024 * 1024  # bytes of a body that can be sent again
SECONDS = 120.0
"""That one side may be silent."""
_TIMEOUT = httpx2.Timeout(SECONDS, connect=CONNECT_TIMEOUT).as_dict()
# RFC 9110 section 7.6.1; and `expect`, as this proxy has answered it.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authorization proxy-authenticate te trailer transfer-encoding "
    b"upgrade expect".split()
)


class Upstream:
    """Trakt, as programs reach it.

    Args:
        service: requests go there.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._clients: dict[bool, httpx2.AsyncClient] = {}  # by whether they do without a proxy
        self._making = asyncio.Lock()

    def url(self, host: str, target: str) -> str:
        """Return the address for a request to a host of Trakt's.

        Args:
            host: as the program named it.
            target: the path with its query.
        """
        service = self._service
        if service.realm == "trakt":
            return f"https://{host}{target}"
        base = service.api if host.startswith("api") else service.token if host.startswith("auth") else service.website
        return base + target

    async def send(self, method: str, url: str, fields: Fields, body: Body) -> httpx2.Response:
        """Send a request, and return the response with its body unread.

        Raises:
            httpx2.HTTPError, httpx2.InvalidURL: no response came.
            TryLater: the proxy or the certificates of the environment cannot be used.
        """
        direct = is_on_this_machine(url)
        async with self._making:
            if direct not in self._clients:
                self._clients[direct] = await asyncio.to_thread(new_async_client, direct=direct)
        fields = [field for field in end_to_end(fields) if field[0] != b"host"]
        content = body.content()
        if content is None:
            fields = [field for field in fields if field[0] != b"content-length"]
        request = httpx2.Request(method, url, headers=fields, content=content, extensions={"timeout": _TIMEOUT})
        return await self._clients[direct].send(request, stream=True, follow_redirects=False, auth=None)

    async def pass_on(self, method: str, url: str, fields: Fields, body: Body) -> Response:
        """Send a request, and return the response for the program."""
        try:
            return pass_back(await self.send(method, url, fields, body))
        except (httpx2.HTTPError, httpx2.InvalidURL, TryLater) as error:
            return unreachable(url, error)

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()


class Body:
    """The body of a program's request: kept if it is small, else streamed once.

    Args:
        request: the request.
    """

    def __init__(self, request: Request) -> None:
        self._stream = request.stream()
        self._kept: list[bytes] = []
        self._has_one = not {b"content-length", b"transfer-encoding"}.isdisjoint(
            name for name, _ in request.headers.raw
        )
        self._rest: AsyncIterator[bytes] | None = None
        self.can_be_sent_again = True

    async def read(self) -> bytes | None:
        """Read it if it is small enough to be kept; return it, or None."""
        size = 0
        async for part in self._stream:
            self._kept.append(part)
            size += len(part)
            if size > LARGEST_KEPT:
                self.can_be_sent_again = False
                self._rest = self._stream
                return None
        return b"".join(self._kept)

    def content(self) -> bytes | AsyncIterator[bytes] | None:
        """Return what is sent; None without a body."""
        if not self._has_one:
            return None
        return b"".join(self._kept) if self._rest is None else self._all()

    async def _all(self) -> AsyncGenerator[bytes]:
        for part in self._kept:
            yield part
        self._kept.clear()
        if self._rest is not None:
            async for part in self._rest:
                yield part


def end_to_end(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Return header fields without those of one connection (RFC 9110 section 7.6.1)."""
    fields = [(name.lower(), value) for name, value in fields]
    named = {one.strip().lower() for name, value in fields if name == b"connection" for one in value.split(b",")}
    return [field for field in fields if field[0] not in HOP_BY_HOP and field[0] not in named]


def pass_back(response: httpx2.Response) -> Response:
    """Return a response for the program: status, fields and body as they came."""

    async def read() -> AsyncGenerator[bytes]:
        try:
            async for part in response.aiter_raw():
                yield part
        finally:
            await response.aclose()

    passed = StreamingResponse(read(), response.status_code)
    passed.raw_headers = end_to_end(response.headers.raw)
    return passed


def unreachable(url: str, error: Exception) -> Response:
    """Return the response for a request that got none."""
    if isinstance(error, ClientDisconnect):
        raise error
    message = f"{urlsplit(url).hostname} cannot be reached: {type(error).__name__}"
    return error_response(HTTPStatus.BAD_GATEWAY, "bad_gateway", message)


def error_response(status: int, error: str, description: str, *, retry_after: float | None = None) -> Response:
    """Return an error in the form that Trakt's OAuth endpoints have (RFC 6749 section 5.2)."""
    fields = {"cache-control": "no-store"}
    if retry_after is not None:
        fields["retry-after"] = str(max(1, round(retry_after)))
    content = json.dumps({"error": error, "error_description": f"traktauth proxy: {description}"})
    return Response(content, status, fields, "application/json")
