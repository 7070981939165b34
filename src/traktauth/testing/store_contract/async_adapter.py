"""The contract for async stores: the same suite, through a loop that runs beside it."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

from traktauth.client.driver.loop_store import LoopStore
from traktauth.stores.base import AsyncTokenStore, TokenStore
from traktauth.testing.store_contract.contract import StoreContract

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
        return LoopStore(self.open_async_store(place), _loop())


def _loop() -> asyncio.AbstractEventLoop:
    """Return the event loop that awaits the methods of the stores, in a thread of its own."""
    with _starting:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="traktauth-contract", daemon=True).start()
            _loops.append(loop)
    return _loops[0]


if hasattr(os, "register_at_fork"):  # not on Windows; a forked child has none of its parent's threads
    os.register_at_fork(after_in_child=_loops.clear)
