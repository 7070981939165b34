"""The keeper's driver and HTTP client: runs flows for claimed logins in the keeper's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from traktauth.client.driver.async_driver import run_flow
from traktauth.client.driver.bound_store import BoundStore
from traktauth.client.driver.sync_driver import no_response, write_log
from traktauth.client.driver.threads import in_own_thread, in_thread, wait_uncancelled
from traktauth.client.http_clients import HttpClients
from traktauth.errors import StoreFailed
from traktauth.flow.effects import Effect, Flow, HoldUnsaved, LogMessage, NoResponse, Send, Shielded, Sleep, WithLock
from traktauth.keeper.config import InThread
from traktauth.models import LoginKey, Record
from traktauth.models.changes import Change
from traktauth.stores.base import TokenStore
from traktauth.stores.errors import store_failed
from traktauth.wire.messages import Request, Response

T = TypeVar("T")


class StoreHealth:
    """Whether the store of a keeper can be written.

    Attributes:
        is_failing: whether the last write failed.
    """

    def __init__(self) -> None:
        self.is_failing = False
        self._failure: StoreFailed | None = None

    def note(self, failure: StoreFailed | None) -> None:
        """Note how a write ended; None: it succeeded."""
        self._failure, self.is_failing = failure, failure is not None

    def take_failure(self) -> StoreFailed | None:
        """Return the error of the last write, once; None if it succeeded."""
        failure, self._failure = self._failure, None
        return failure


class ClaimedLogin(BoundStore):
    """A claimed login, whose record nothing but the keeper changes.

    Args:
        store: the store.
        login: the login.
        clock: returns Unix seconds.
        record: as it was claimed.
        health: gets the outcome of each write.
    """

    def __init__(
        self, store: TokenStore, login: LoginKey, clock: Callable[[], float], record: Record, health: StoreHealth
    ) -> None:
        super().__init__(store, login, clock)
        self._claimed: Record | None = record  # until it is changed here
        self._health = health

    def _read(self) -> Record:
        return super()._read() if self._claimed is None else self._claimed

    def _write(self, login: LoginKey, change: Change) -> bool:
        self._claimed = None
        try:
            is_applied = super()._write(login, change)
        except Exception as error:
            self._health.note(store_failed(error, self.store))
            raise
        self._health.note(None)
        return is_applied

    def _saving(self, effect: HoldUnsaved) -> None:
        """Return None: the keeper itself saves such a token, and counts it."""
        del effect


class KeeperDriver:
    """Runs flows whose lock is the keeper's claim; the store's work is done in threads.

    Args:
        bound_store: the login.
        send: sends one request.
        in_thread: does a store's work.
    """

    def __init__(
        self,
        bound_store: BoundStore,
        send: Callable[[Request], Awaitable[Response | NoResponse]],
        in_thread: InThread,
    ) -> None:
        self._bound_store = bound_store
        self._send = send
        self._in_thread = in_thread

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value.

        Raises:
            BaseException: what the flow raises.
        """
        return await run_flow(flow, self._perform)

    async def _perform(self, effect: Effect[Any]) -> object:
        bound_store = self._bound_store
        match effect:
            case Send(request):
                try:
                    return await self._send(request)
                except Exception as error:  # noqa: BLE001 - judged there
                    return no_response(error, has_store=True)
            case Sleep(seconds):
                await asyncio.sleep(seconds)
            case LogMessage():
                write_log(effect, bound_store.login)
            case HoldUnsaved():
                bound_store.keep(effect)
            case WithLock(flow):
                return await self.run(flow())
            case Shielded(flow):
                return await wait_uncancelled(_LastingTask(self.run(flow()), loop=asyncio.get_running_loop()))
            case _:
                call = bound_store.call(effect)
                if call is None:
                    raise AssertionError(f"this driver cannot perform {type(effect).__name__}")
                return await self._in_thread(partial(bound_store.perform, call))
        return None


class _LastingTask(asyncio.Task[T]):
    """A task that cannot be cancelled: the teardown of `asyncio.run` waits for its end."""

    def cancel(self, msg: object = None) -> bool:
        """Do nothing."""
        del msg
        return False


@asynccontextmanager
async def open_sender(
    url: str = "", *, product: str | None = None
) -> AsyncGenerator[Callable[[Request], Awaitable[Response | NoResponse]]]:
    """Open an HTTP client and yield the function that sends one request of a keeper.

    No connection is kept: a response that a proxy sends twice, or late, would be taken for that of the next login, and
    a refresh on a connection that the other side is just closing would be unconfirmed.

    Args:
        url: the base address of the token endpoint.
        product: the application's product token for `User-Agent`.

    Raises:
        TryLater: the environment names a proxy or certificates that cannot be used; nothing was sent.
    """
    clients = HttpClients(url=url, product=product)
    await in_thread(clients.prepare)

    async def send(request: Request) -> Response | NoResponse:
        return await in_own_thread(lambda: clients.send(request))

    try:
        yield send
    finally:
        clients.close()
