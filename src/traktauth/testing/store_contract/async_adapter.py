"""The contract for async stores: the same suite, through a loop that runs beside it."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.stores.base import TokenStore
from traktauth.testing.store_contract.contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Hashable
    from pathlib import Path

    from traktauth.models import LoginKey, Record
    from traktauth.models.changes import Change
    from traktauth.stores.base import AsyncTokenStore

T = TypeVar("T")

_loops: list[asyncio.AbstractEventLoop] = []
_starting = threading.Lock()


class AsyncStoreContract(StoreContract):
    """What every `AsyncTokenStore` must do.

    ```python
    class TestMyAsyncStore(AsyncStoreContract):
        def open_async_store(self, place: Path) -> AsyncTokenStore:
            return MyAsyncStore(place / "logins.db")
    ```
    """

    def open_async_store(self, place: Path) -> AsyncTokenStore:
        """Return a store over a place, as `StoreContract.open_store` does."""
        raise NotImplementedError(f"{type(self).__name__} opens no store for {place.name}")

    def open_store(self, place: Path) -> TokenStore:
        """Return the async store as a blocking one."""
        return BlockingAdapter(self.open_async_store(place))


class BlockingAdapter(TokenStore):
    """A blocking face of an async store; its verbs are awaited in one loop, in a thread of its own."""

    def __init__(self, store: AsyncTokenStore) -> None:
        self.store = store

    @property
    def identity(self) -> Hashable:
        """Return the store's."""
        return self.store.identity

    @property
    def address(self) -> str:
        """Return the store's."""
        return self.store.address

    def load(self, login: LoginKey) -> Record:
        """Await the store's; so do all the others."""
        return _wait(self.store.load(login))

    def peek(self, login: LoginKey) -> Record | None:  # noqa: D102 - see above
        async def peek() -> Record | None:
            return self.store.peek(login)

        return _wait(peek())

    def apply(self, login: LoginKey, change: Change) -> bool:  # noqa: D102 - see above
        return _wait(self.store.apply(login, change))

    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:  # noqa: D102 - see above
        lock = self.store.lock(login, timeout)
        held = _wait(lock.__aenter__())
        try:
            yield held
        finally:
            _wait(lock.__aexit__(None, None, None))

    def list_logins(self) -> list[LoginKey]:  # noqa: D102 - see above
        return _wait(self.store.list_logins())

    def check_writable(self) -> None:  # noqa: D102 - see above
        _wait(self.store.check_writable())

    def durability_warnings(self) -> list[str]:  # noqa: D102 - see above
        return _wait(self.store.durability_warnings())

    def close(self) -> None:  # noqa: D102 - see above
        _wait(self.store.close())


def _wait(work: Coroutine[Any, Any, T]) -> T:
    with _starting:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="traktauth-contract", daemon=True).start()
            _loops.append(loop)
    return asyncio.run_coroutine_threadsafe(work, _loops[0]).result()


if hasattr(os, "register_at_fork"):  # not on Windows; a forked child has none of its parent's threads
    os.register_at_fork(after_in_child=_loops.clear)
