"""An application's async store for flows that run in threads: its methods are awaited in the application's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Hashable
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from traktauth.client.driver.threads import LoopUnavailable, run_in_loop
from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record
from traktauth.models.changes import Change
from traktauth.stores.base import AsyncTokenStore, TokenStore
from traktauth.stores.open import open_store

T = TypeVar("T")

_LIMIT = 15.0  # seconds to wait for an event loop that does not run


class LoopStore(TokenStore):
    """A blocking store over an async one, for use in other threads than that of its event loop.

    Args:
        store: the async store.
        loop: the event loop in which its methods are awaited; None until `attach` is called in it.
    """

    def __init__(self, store: AsyncTokenStore, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.store = store
        self.lock_expires = store.lock_expires
        self._loop = loop

    def attach(self) -> None:
        """Await the store's methods in the running event loop from now on."""
        self._loop = asyncio.get_running_loop()

    @property
    def identity(self) -> Hashable:
        return self.store.identity

    @property
    def address(self) -> str:
        return self.store.address

    def load(self, login: LoginKey) -> Record:
        return self._run(lambda: self.store.load(login))

    def peek(self, login: LoginKey) -> Record | None:
        return self.store.peek(login)

    def apply(self, login: LoginKey, change: Change) -> bool:
        return self._run(lambda: self.store.apply(login, change))

    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:
        lock = self.store.lock(login, timeout)
        held = self._run(lambda: _enter(lock))
        try:
            yield held
        finally:
            self._run(lambda: _leave(lock))

    def list_logins(self) -> list[LoginKey]:
        return self._run(self.store.list_logins)

    def check_writable(self) -> None:
        self._run(self.store.check_writable)

    def durability_warnings(self) -> list[str]:
        return self._run(self.store.durability_warnings)

    def close(self) -> None:
        self._run(self.store.close)

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if self._loop is None:
            raise StoreFailed(f"{self.address} is not used in an event loop")
        try:
            return run_in_loop(self._loop, work, _LIMIT)
        except LoopUnavailable:
            raise StoreFailed(f"{self.address} belongs to an event loop that does not run") from None


async def _enter(lock: AbstractAsyncContextManager[bool]) -> bool:
    return await lock.__aenter__()


async def _leave(lock: AbstractAsyncContextManager[bool]) -> None:
    await lock.__aexit__(None, None, None)


def open_for_async(store: AsyncTokenStore | TokenStore | str) -> TokenStore:
    """Return the store of an `AsyncTrakt`, as the threads use it that its refreshes run in.

    Raises:
        TypeError: it is neither a store nor an address.
        ValueError: the address names no store.
        StoreFailed: the store's library is not installed.
    """
    if isinstance(store, AsyncTokenStore):
        return LoopStore(store)
    if not isinstance(store, str | TokenStore):  # pyright: ignore[reportUnnecessaryIsInstance] - None, say
        raise TypeError(
            f"store must be an address, such as 'file:', an AsyncTokenStore or a TokenStore, not {type(store).__name__}"
        )
    return open_store(store)
