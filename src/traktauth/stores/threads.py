"""A blocking store for asyncio: its work is done in threads, and its lock never keeps one waiting."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.stores.abase import AsyncTokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable

    from traktauth.models import Login, Record, Renewal, Token
    from traktauth.stores.base import TokenStore

T = TypeVar("T")

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.025


class InThread(AsyncTokenStore):
    """Makes an async store of a blocking one."""

    def __init__(self, store: TokenStore) -> None:
        self.blocking = store

    @property
    def identity(self) -> Hashable:
        return self.blocking.identity

    @property
    def address(self) -> str:
        return self.blocking.address

    async def load(self, login: Login) -> Record:
        return await in_thread(lambda: self.blocking.load(login))

    def peek(self, login: Login) -> Record | None:
        return self.blocking.peek(login)

    async def begin(self, login: Login, renewal: Renewal) -> bool:
        return await in_thread(lambda: self.blocking.begin(login, renewal))

    async def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        await in_thread(lambda: self.blocking.cancel(login, renewal, before))

    async def save(self, login: Login, token: Token, *, after: int, at: float) -> bool:
        return await in_thread(lambda: self.blocking.save(login, token, after=after, at=at))

    async def mark(self, login: Login, generation: int, why: str | None) -> None:
        await in_thread(lambda: self.blocking.mark(login, generation, why))

    async def forget(self, login: Login, generation: int) -> None:
        await in_thread(lambda: self.blocking.forget(login, generation))

    async def hand_over(self, login: Login, generation: int, to: str) -> bool:
        return await in_thread(lambda: self.blocking.hand_over(login, generation, to))

    async def reseal(self, login: Login) -> bool:
        return await in_thread(lambda: self.blocking.reseal(login))

    @asynccontextmanager
    async def exclusive(self, login: Login, patience: float) -> AsyncGenerator[bool]:
        until = time.monotonic() + patience
        pause = _FIRST_PAUSE
        while True:
            lock = self.blocking.exclusive(login, 0.0)
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

    async def logins(self) -> list[Login]:
        return await in_thread(self.blocking.logins)

    async def check(self) -> None:
        await in_thread(self.blocking.check)

    async def problems(self) -> list[str]:
        return await in_thread(self.blocking.problems)

    async def close(self) -> None:
        await in_thread(self.blocking.close)


async def settled(future: asyncio.Future[T]) -> T:
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


def unseen_task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task that the teardown of `asyncio.run` does not cancel; somebody who is seen must wait for it.

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
    try:
        future = asyncio.get_running_loop().run_in_executor(_pool, work)
    except RuntimeError:
        return work()  # the interpreter is ending, and no thread is to be had; a pair must be saved all the same
    return await settled(future)


def _forget_pool() -> None:
    global _pool  # noqa: PLW0603 - a forked child has none of its threads
    _pool = None


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_pool)
