"""The HTTP clients behind a `Trakt`, each made on first use."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from traktauth.client.driver.shield import Unfinished
from traktauth.client.http import (
    api_request,
    is_loaded,
    is_on_this_machine,
    load,
    load_modules,
    new_async_client,
    new_client,
)
from traktauth.client.http_errors import api_error
from traktauth.errors import TryLater
from traktauth.flow.effects import NoResponse
from traktauth.timeouts import REQUEST_TIMEOUT

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from traktauth.client.http import HttpResponse
    from traktauth.client.http_protocols import HttpAsyncClient, HttpClient
    from traktauth.client.per_loop import PerLoop
    from traktauth.wire.messages import Request, Response


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
            _check_kind(client, "Client", "close")
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
            _check_open(self._own_client)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        json: Any,  # noqa: ANN401 - whatever JSON takes
        headers: Mapping[str, str],
    ) -> HttpResponse:
        """Send an API request on a kept connection; redirects are not followed.

        Raises:
            TryLater: the environment names a proxy or certificates that cannot be used.
        """
        client = self._own_client
        try:
            if client is not None:  # with whatever its owner gave it: header fields, cookies, a time limit
                response: HttpResponse = client.request(
                    method, url, params=params, json=json, headers=headers, follow_redirects=False, auth=None
                )
                return response
            request = api_request(method, url, params=params, json=json, headers=headers)
            return cast("HttpResponse", self._client(url).send(request, follow_redirects=False, auth=None))
        except Exception as error:
            mapped = api_error(error, has_own_timeout=client is not None)
            if mapped is error:
                raise
            raise mapped from error

    def send(self, request: Request) -> Response | NoResponse:
        """Send a request of the sign-in or the life cycle, on a connection of its own.

        Raises:
            TryLater: as for `prepare`.
        """
        from traktauth.client.http_exchange import send  # noqa: PLC0415 - it imports the HTTP library

        request = request.from_product(self._product)
        if self._own_client is not None:
            return send(self._own_client, request)
        return send(self._client(request.url), request, is_watched=True)

    def _client(self, url: str) -> HttpClient:
        if self._process != os.getpid():
            _parents.append(self._clients)
            self._clients, self._process, self._lock = {}, os.getpid(), threading.Lock()
        direct = is_on_this_machine(url)
        client = self._clients.get(direct)
        if client is None:
            with self._lock:
                if direct not in self._clients:
                    self._clients[direct] = new_client(direct=direct)
                client = self._clients[direct]
        return client

    def close(self) -> None:
        """Close what was made here, once no refresh is under way."""
        self.unfinished.wait()
        clients, self._clients = self._clients, {}
        if self._process == os.getpid():
            for client in clients.values():
                client.close()
        else:
            _parents.append(clients)


# Clients of the process that this one was forked from: never used, nor closed, as that would be said to the server.
_parents: list[Any] = []


class AsyncHttpClients:
    """The HTTP clients of one `AsyncTrakt`: API requests are sent in each event loop, the life cycle's in threads.

    Args:
        client: the application's own client, used for every request and never closed here.
        url: the token endpoint's base address.
        product: the program's own product token; sent in `User-Agent` before this library's.

    Raises:
        TypeError: `client` is of another kind.
    """

    def __init__(self, client: HttpAsyncClient | None = None, *, url: str = "", product: str | None = None) -> None:
        if client is not None:
            _check_kind(client, "AsyncClient", "aclose")
        self._own_client = client
        self._product = product
        self._blocking = HttpClients(url=url, product=product)
        self._kept: dict[bool, PerLoop[HttpAsyncClient]] = {}  # by whether they do without a proxy
        self.unfinished = self._blocking.unfinished

    def prepare(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make what sends a token request; called in a thread.

        Args:
            loop: the caller's event loop.

        Raises:
            TryLater: it cannot be made: the environment's proxy or certificates, or a client that was closed or that
                belongs to another event loop.
        """
        if self._own_client is None:
            self._blocking.prepare()
            return
        _check_open(self._own_client)
        _check_loop(self._own_client, loop)
        load_modules()

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        json: Any,  # noqa: ANN401 - whatever JSON takes
        headers: Mapping[str, str],
    ) -> HttpResponse:
        """Send an API request on a kept connection; redirects are not followed.

        Raises:
            TryLater: the environment names a proxy or certificates that cannot be used.
        """
        import asyncio  # noqa: PLC0415 - a blocking program does without

        client = self._own_client
        try:
            if client is not None:
                _check_loop(client, asyncio.get_running_loop())
                response: HttpResponse = await client.request(
                    method, url, params=params, json=json, headers=headers, follow_redirects=False, auth=None
                )
                return response
            shared = await self._shared_client(url)
            request = api_request(method, url, params=params, json=json, headers=headers)
            return cast("HttpResponse", await shared.send(request, follow_redirects=False, auth=None))
        except Exception as error:
            mapped = api_error(error, has_own_timeout=client is not None)
            if mapped is error:
                raise
            raise mapped from error

    def send(self, loop: asyncio.AbstractEventLoop, request: Request) -> Response | NoResponse:
        """Send a request of the sign-in or the life cycle, on a connection of its own; called in a thread.

        A client given by the application sends in the application's event loop, whose connections it may have kept.

        Raises:
            TryLater: as for `prepare`.
        """
        own_client = self._own_client
        if own_client is None:
            return self._blocking.send(request)
        from traktauth.client.driver.threads import LoopUnavailable, run_in_loop  # noqa: PLC0415 - imports asyncio
        from traktauth.client.http_exchange import send_async  # noqa: PLC0415 - it imports the HTTP library

        request = request.from_product(self._product)
        try:
            return run_in_loop(loop, lambda: send_async(own_client, request), REQUEST_TIMEOUT)
        except LoopUnavailable as error:
            return NoResponse(error.began, "the event loop of the client given as http= was closed")

    async def _shared_client(self, url: str) -> HttpAsyncClient:
        direct = is_on_this_machine(url)
        clients = self._kept.get(direct)
        if clients is None:
            await _load()
            from traktauth.client.per_loop import PerLoop  # noqa: PLC0415 - it imports asyncio

            made = PerLoop[Any](lambda: new_async_client(direct=direct), lambda client: client.aclose())
            clients = self._kept.setdefault(direct, made)
        return await clients.get()

    async def close(self) -> None:
        """Close what was made here in this event loop, once no refresh is under way."""
        from traktauth.client.driver.threads import in_own_thread  # noqa: PLC0415 - it imports asyncio

        await in_own_thread(self._blocking.close)
        for clients in list(self._kept.values()):
            await clients.close_here()


async def _load() -> None:
    """Import the HTTP library and load the certificates in a thread, once a process: both read files."""
    if not is_loaded():
        from traktauth.client.driver.threads import in_thread  # noqa: PLC0415 - it imports asyncio

        await in_thread(load)


def _check_kind(client: object, name: str, closing: str) -> None:
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


def _check_open(client: HttpClient | HttpAsyncClient) -> None:
    if client.is_closed:
        raise TryLater(
            "The HTTP client given as http= is closed; nothing was sent",
            hint="Keep it open for as long as it is used, or leave http= out",
        )


_loops: WeakKeyDictionary[HttpAsyncClient, asyncio.AbstractEventLoop] = WeakKeyDictionary()


def _check_loop(client: HttpAsyncClient, loop: asyncio.AbstractEventLoop) -> None:
    """Check that an application's client is used in one event loop: a kept connection of another one loses responses.

    Raises:
        TryLater: it was used in another one before.
    """
    if _loops.setdefault(client, loop) is not loop:
        raise TryLater(
            "The HTTP client given as http= was used in another event loop before; nothing was sent",
            hint="Make a client in each event loop (in each asyncio.run), or leave http= out",
        )
