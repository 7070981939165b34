"""The store as the refreshes of a keeper use it: claimed logins are locked, and writes are gathered into batches."""

from __future__ import annotations

import asyncio
import copy
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from traktauth.stores.adapters.threaded_store import detached_task
from traktauth.stores.base import AsyncTokenStore
from traktauth.stores.errors import store_failed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence

    from traktauth.errors import StoreFailed
    from traktauth.models import LoginKey, Record
    from traktauth.models.changes import Change
    from traktauth.stores.fleet import FleetStore

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Gathers the items of many callers; while one batch is being written, the next one gathers.

    Args:
        write: writes a batch; its results are in the order of the items.
        max_items: items in one batch.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], max_items: int) -> None:
        self._write = write
        self._max_items = max_items
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Write one item with others and return its result.

        Raises:
            Exception: the error of its batch.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = detached_task(self._flush())
        return await future

    async def _flush(self) -> None:
        await asyncio.sleep(0)  # so that every caller that is ready joins the first batch
        while self._waiting:
            batch, self._waiting = self._waiting[: self._max_items], self._waiting[self._max_items :]
            try:
                results = await self._write([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - it belongs to every caller of the batch
                for _, future in batch:
                    if not future.done():
                        future.set_exception(_copy_error(error))
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():
                        future.set_result(result)


def _copy_error(error: Exception) -> Exception:
    """Return a copy for one caller, as each caller adds its own traceback."""
    try:
        return copy.copy(error)
    except TypeError:  # it cannot be made again from its arguments
        return error


class BatchedStore(AsyncTokenStore):
    """A fleet's store for claimed logins.

    Args:
        store: holds the logins.
        max_items: logins in one batch.

    Attributes:
        is_failing: whether the last write failed.
    """

    def __init__(self, store: FleetStore, *, max_items: int) -> None:
        self._store = store
        self._failure: StoreFailed | None = None
        self.is_failing = False
        self._identity = object()  # not id(self), which a later object may get
        self._claimed: dict[LoginKey, Record] = {}
        self._changes = Batcher(self._write, max_items)

    @property
    def identity(self) -> Hashable:
        """Return an identity of its own: other callers of this process must wait for the claim, not share a call."""
        return ("keeper", self._identity)

    @property
    def address(self) -> str:
        """Return the store's address."""
        return self._store.address

    def cache(self, login: LoginKey, record: Record) -> None:
        """Cache the record of a claimed login; it is valid until changed here, as only the claim's owner changes it."""
        self._claimed[login] = record

    def evict(self, login: LoginKey) -> None:
        """Remove a record from the cache."""
        self._claimed.pop(login, None)

    async def load(self, login: LoginKey) -> Record:
        """Return the record."""
        claimed = self._claimed.get(login)
        return claimed if claimed is not None else await self._store.load(login)

    async def apply(self, login: LoginKey, change: Change) -> bool:
        """Apply a change, together with those of other logins."""
        self.evict(login)
        return await self._changes.add((login, change))

    async def _write(self, changes: Sequence[tuple[LoginKey, Change]]) -> list[bool]:
        try:
            results = await self._store.apply_many(changes)
        except Exception as error:
            self._failure, self.is_failing = store_failed(error, self._store), True
            raise
        self._failure, self.is_failing = None, False
        return results

    def take_failure(self) -> StoreFailed | None:
        """Return the error of the last write, once; None if it succeeded."""
        failure, self._failure = self._failure, None
        return failure

    @asynccontextmanager
    async def lock(self, login: LoginKey, timeout: float) -> AsyncGenerator[bool]:
        """Yield True: the claim holds the lock."""
        del login, timeout
        yield True

    async def list_logins(self) -> list[LoginKey]:
        """Return every login of the store."""
        return await self._store.list_logins()

    async def check_writable(self) -> None:
        """Check that the store can be written."""
        await self._store.check_writable()
