"""What every store must do, as a suite that anyone's store can pass.

```python
class TestMyStore(StoreContract):
    def open_store(self, place: Path) -> TokenStore:
        return MyStore(place / "logins.db")
```
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

from traktauth.client.driver.loop_store import LoopStore
from traktauth.stores.base import AsyncTokenStore, TokenStore
from traktauth.testing.store_contract.locks import LockContract
from traktauth.testing.store_contract.processes import ProcessContract
from traktauth.testing.store_contract.records import RecordContract
from traktauth.testing.store_contract.refreshes import RefreshContract


class StoreContract(RefreshContract, LockContract, RecordContract, ProcessContract):
    """Subclass it as `Test…` and give it `open_store`; pytest runs every promise against your store.

    Some promises are about several processes: the suite forks (not on Windows), and `open_store` is called in the child
    too. For a store that lives in one process set `shared_by_processes = False`.
    """


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
