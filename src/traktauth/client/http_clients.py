"""The HTTP clients behind a `Trakt`, each made on first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from traktauth.client.api_address import is_on_this_machine
from traktauth.client.driver.shield import Unfinished
from traktauth.client.http_errors import api_errors
from traktauth.errors import TryLater
from traktauth.flow.effects import NoResponse
from traktauth.wire.messages import Request, Response

if TYPE_CHECKING:
    from traktauth.client.http import HttpResponse


# ruff: noqa: ANN401 - the two libraries have request and response classes of their own


class HttpClient(Protocol):
    """A blocking client: `httpx2.Client` or `httpx.Client`."""

    @property
    def is_closed(self) -> bool:
        """Whether it can send no more."""
        raise NotImplementedError

    def build_request(self, *args: Any, **kwargs: Any) -> Any:
        """Return a request with the client's own header fields."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Build and send a request."""

    def send(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request that was built."""

    def close(self) -> None:
        """Close the connections."""


class HttpAsyncClient(Protocol):
    """An async client: `httpx2.AsyncClient` or `httpx.AsyncClient`."""

    @property
    def is_closed(self) -> bool:
        """Whether it can send no more."""
        raise NotImplementedError

    def build_request(self, *args: Any, **kwargs: Any) -> Any:
        """Return a request with the client's own header fields."""

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """Build and send a request."""

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request that was built."""

    async def aclose(self) -> None:
        """Close the connections."""


class HttpClients:
    """The blocking clients of one `Trakt` and those that share with it, each made on first use.

    A forked child makes its own: two processes that write into one connection would get each other's answers.

    Args:
        client: the application's own client, used for every request and never closed here.
        url: the token endpoint's base address.
        product: the program's own product token; sent in `User-Agent` before this library's.

    Raises:
        TypeError: `client` is of another kind.
    """

    def __init__(self, client: HttpClient | None = None, *, url: str = "", product: str | None = None) -> None:
        if client is not None:
            check_kind(client, "Client", "close")
        self._own_client = client
        self._url = url
        self._product = product
        self._clients: dict[bool, HttpClient] = {}  # by whether they do without a proxy
        self._process = os.getpid()
        self._lock = threading.Lock()
        self.unfinished = Unfinished()  # the refreshes that are under way with these clients

    def prepare(self) -> None:
        """Make what sends a token request, before anything depends on its being sent.

        Raises:
            TryLater: it cannot be made: the environment's proxy or certificates, or a client that was closed.
        """
        if self._own_client is None:
            self._client(self._url)
        else:
            check_open(self._own_client)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        json: object,
        headers: Mapping[str, str],
    ) -> HttpResponse:
        """Send an API request on a kept connection; redirects are not followed.

        Raises:
            TryLater: the environment names a proxy or certificates that cannot be used.
        """
        client = self._own_client
        response: HttpResponse
        with api_errors(has_own_timeout=client is not None):
            if client is not None:  # with whatever its owner gave it: header fields, cookies, a time limit
                response = client.request(
                    method, url, params=params, json=json, headers=headers, follow_redirects=False, auth=None
                )
                return response
            from traktauth.client.http import api_request  # noqa: PLC0415 - it imports the HTTP library

            request = api_request(method, url, params=params, json=json, headers=headers)
            response = self._client(url).send(request, follow_redirects=False, auth=None)
            return response

    def send(self, request: Request) -> Response | NoResponse:
        """Send a request of the sign-in or the life cycle, on a connection of its own.

        Raises:
            TryLater: the HTTP client cannot be made; nothing was sent.
        """
        from traktauth.client.http_exchange import send  # noqa: PLC0415 - it imports the HTTP library

        request = request.from_product(self._product)
        if self._own_client is not None:
            return send(self._own_client, request)
        return send(self._client(request.url), request, is_watched=True)

    def _client(self, url: str) -> HttpClient:
        if self._process != os.getpid():
            _inherited.append(self._clients)
            self._clients, self._process, self._lock = {}, os.getpid(), threading.Lock()
        direct = is_on_this_machine(url)
        client = self._clients.get(direct)
        if client is None:
            from traktauth.client.http import new_client  # noqa: PLC0415 - it imports the HTTP library

            with self._lock:
                if direct not in self._clients:
                    self._clients[direct] = new_client(direct=direct)
                client = self._clients[direct]
        return client

    def close(self) -> None:
        """Wait for refreshes in progress, then close what was made here."""
        self.unfinished.wait()
        clients, self._clients = self._clients, {}
        if self._process == os.getpid():
            for client in clients.values():
                client.close()
        else:
            _inherited.append(clients)


# Clients of the process that this one was forked from: never used, nor closed, as that would be said to the server.
_inherited: list[Any] = []


def check_kind(client: object, name: str, closing: str) -> None:
    """Refuse a client of another library, or of the other kind: it would send a refresh and lose its response.

    Raises:
        TypeError: it is neither httpx2's nor httpx's class of this name.
    """
    if not (hasattr(client, "build_request") and hasattr(client, "is_closed") and hasattr(client, closing)):
        kind = type(client)
        raise TypeError(
            f"http= must be an httpx2.{name} or an httpx.{name}, not {kind.__module__.partition('.')[0]}."
            f"{kind.__name__}; use traktauth.adapters for other HTTP clients"
        )


def check_open(client: HttpClient | HttpAsyncClient) -> None:
    """Refuse a client that can send no more.

    Raises:
        TryLater: it is closed.
    """
    if client.is_closed:
        raise TryLater(
            "The HTTP client given as http= is closed; nothing was sent",
            hint="Keep it open for as long as it is used, or leave http= out",
        )
