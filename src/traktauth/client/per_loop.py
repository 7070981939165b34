"""Something of each event loop's own: connections and semaphores work in the loop alone that they were made in."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

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
