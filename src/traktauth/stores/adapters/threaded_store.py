"""A blocking store for asyncio: its work is done in threads, and its lock never keeps one waiting."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.stores.base import AsyncTokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable

    from traktauth.models import LoginKey, Record
    from traktauth.models.changes import Change
    from traktauth.stores.base import TokenStore

T = TypeVar("T")

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.025


class ThreadedStore(AsyncTokenStore):
    """Makes an async store of a blocking one."""

    any_loop = True

    def __init__(self, store: TokenStore) -> None:
        self.blocking = store
        self.lock_expires = store.lock_expires

    @property
    def identity(self) -> Hashable:
        return self.blocking.identity

    @property
    def address(self) -> str:
        return self.blocking.address

    async def load(self, login: LoginKey) -> Record:
        return await in_thread(lambda: self.blocking.load(login))

    def peek(self, login: LoginKey) -> Record | None:
        return self.blocking.peek(login)

    async def apply(self, login: LoginKey, change: Change) -> bool:
        return await in_thread(lambda: self.blocking.apply(login, change))

    @asynccontextmanager
    async def lock(self, login: LoginKey, timeout: float) -> AsyncGenerator[bool]:
        until = time.monotonic() + timeout
        pause = _FIRST_PAUSE
        while True:
            lock = self.blocking.lock(login, 0.0)
            try:
                held = await in_thread(lock.__enter__)
            except asyncio.CancelledError:
                lock.__exit__(None, None, None)
                raise
            left = until - time.monotonic()
            if held or left <= 0:
                break
            lock.__exit__(None, None, None)
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        try:
            yield held
        finally:
            lock.__exit__(None, None, None)

    async def list_logins(self) -> list[LoginKey]:
        return await in_thread(self.blocking.list_logins)

    async def check_writable(self) -> None:
        await in_thread(self.blocking.check_writable)

    async def durability_warnings(self) -> list[str]:
        return await in_thread(self.blocking.durability_warnings)

    async def close(self) -> None:
        await in_thread(self.blocking.close)


async def settle(future: asyncio.Future[T]) -> T:
    """Wait until a future is done, through every cancellation; the cancellation is raised after that."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not future.cancelled():
            future.exception()  # it was seen; the cancellation goes before
        raise cancelled
    return future.result()


def detached_task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task that the teardown of `asyncio.run` does not cancel; a task that it sees must wait for it.

    The teardown cancels every task that it can see, and some must come to their end first.
    """
    task: asyncio.Task[T] = asyncio.Task(work, loop=asyncio.get_running_loop())
    asyncio._unregister_task(task)  # noqa: SLF001 - documented for those who extend asyncio
    return task


_pool: ThreadPoolExecutor | None = None


async def in_thread(work: Callable[[], T]) -> T:
    """Do a store's short work in a thread of our own; a cancellation waits for it."""
    global _pool  # noqa: PLW0603 - one pool serves every loop of the process
    if _pool is None:
        _pool = ThreadPoolExecutor(4, thread_name_prefix="traktauth-store")
    outcome: Future[T] = Future()
    claim = threading.Lock()

    def run() -> None:
        if not claim.acquire(blocking=False):
            return
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            outcome.set_exception(error)

    waiter = asyncio.wrap_future(outcome)
    try:
        _pool.submit(run)
    except (RuntimeError, MemoryError):
        # No thread is to be had, as the interpreter is ending or at a limit of the system; a token must be saved all
        # the same. The pool may have queued the work nevertheless, and it is done once.
        run()
    return await settle(waiter)


def _forget_pool() -> None:
    global _pool  # noqa: PLW0603 - a forked child has none of its threads
    _pool = None


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_pool)
