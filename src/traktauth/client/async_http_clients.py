"""The HTTP clients behind an `AsyncTrakt`, each made on first use, one in each event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from traktauth.client.api_address import is_on_this_machine
from traktauth.client.driver.threads import LoopUnavailable, in_own_thread, in_thread, run_in_loop
from traktauth.client.http_clients import HttpAsyncClient, HttpClients, check_kind, check_open
from traktauth.client.http_errors import api_errors
from traktauth.errors import TryLater
from traktauth.flow.effects import NoResponse
from traktauth.timeouts import REQUEST_TIMEOUT
from traktauth.wire.messages import Request, Response

if TYPE_CHECKING:
    from traktauth.client.http import HttpResponse

T = TypeVar("T")


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
            check_kind(client, "AsyncClient", "aclose")
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
        check_open(self._own_client)
        _check_loop(self._own_client, loop)
        _load()

    async def request(
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
            if client is not None:
                _check_loop(client, asyncio.get_running_loop())
                response = await client.request(
                    method, url, params=params, json=json, headers=headers, follow_redirects=False, auth=None
                )
                return response
            shared = await self._shared_client(url)
            from traktauth.client.http import api_request  # noqa: PLC0415 - it imports the HTTP library

            request = api_request(method, url, params=params, json=json, headers=headers)
            response = await shared.send(request, follow_redirects=False, auth=None)
            return response

    def send(self, loop: asyncio.AbstractEventLoop, request: Request) -> Response | NoResponse:
        """Send a request of the sign-in or the life cycle, on a connection of its own; called in a thread.

        A client given by the application sends in the application's event loop, whose connections it may have kept.

        Raises:
            TryLater: the HTTP client cannot be made; nothing was sent.
        """
        own_client = self._own_client
        if own_client is None:
            return self._blocking.send(request)
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
            await in_thread(_load_with_certificates)
            from traktauth.client.http import new_async_client  # noqa: PLC0415 - it imports the HTTP library

            made = PerLoop[HttpAsyncClient](partial(new_async_client, direct=direct), lambda client: client.aclose())
            clients = self._kept.setdefault(direct, made)
        return await clients.get()

    async def close(self) -> None:
        """Wait for refreshes in progress, then close what was made here in this event loop."""
        await in_own_thread(self._blocking.close)
        for clients in list(self._kept.values()):
            await clients.close_here()


def _load() -> None:
    from traktauth.client.http import load  # noqa: PLC0415 - it imports the HTTP library

    load()


def _load_with_certificates() -> None:
    _load()
    from traktauth.client.proxies import load_tls  # noqa: PLC0415 - it imports the HTTP library

    load_tls()


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


# ---------------------------------------------------------------- event loops
# What belongs to the process that this one was forked from: never used, nor closed, as the server would be told.
_inherited: list[Any] = []


class PerLoop(Generic[T]):
    """Makes one *T* for each running event loop, and closes it when that loop ends.

    Safe between threads and after a fork. The end of a loop is seen by an asynchronous generator, which `asyncio.run`
    and every other runner finalizes before it closes the loop. What belongs to a loop that was closed without that is
    dropped when another loop comes.

    Args:
        make: returns a new one; called in a running loop.
        close: closes one, in its own loop.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._make, self._close = make, close
        self._entries: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None]]] = {}
        self._lock, self._pid = threading.Lock(), os.getpid()

    async def get(self) -> T:
        """Return what belongs to the running loop."""
        if self._pid != os.getpid():
            _inherited.append(self._entries)
            self._entries, self._lock, self._pid = {}, threading.Lock(), os.getpid()
        loop = asyncio.get_running_loop()
        entry = self._entries.get(loop)
        if entry is None:
            made = self._make()
            entry = made, self._close_with_loop(made)
            with self._lock:
                for closed in [other for other in self._entries if other.is_closed()]:
                    del self._entries[closed]
                self._entries[loop] = entry
            await anext(entry[1])  # it is known to the loop from now on; this suspends nothing
        return entry[0]

    async def close_here(self) -> None:
        """Close what belongs to the running loop, if that has one."""
        if self._pid != os.getpid():
            return
        with self._lock:
            entry = self._entries.pop(asyncio.get_running_loop(), None)
        if entry is not None:
            made, closing = entry
            await closing.aclose()
            await self._close(made)  # once more, as it may have been used while its loop ended

    async def _close_with_loop(self, made: T) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            if self._pid == os.getpid():
                await self._close(made)
