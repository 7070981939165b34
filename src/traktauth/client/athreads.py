"""Blocking work for an asyncio program, and waits that a cancellation does not cut short."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


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


_pool: ThreadPoolExecutor | None = None


async def in_thread(work: Callable[[], T]) -> T:
    """Do a store's short work in a thread of our own; a cancellation waits for it."""
    global _pool  # noqa: PLW0603 - one pool serves every loop of the process
    if _pool is None:
        _pool = ThreadPoolExecutor(4, thread_name_prefix="traktauth-store")
    return await settled(asyncio.get_running_loop().run_in_executor(_pool, work))


async def in_own_thread(work: Callable[[], T]) -> T:
    """Do work that waits for a person in a thread that nobody waits for at the end of the program."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def finish(value: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # type: ignore[arg-type]  # None only beside an error

    def run() -> None:
        value: T | None = None
        failure: BaseException | None = None
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            failure = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(finish, value, failure)

    threading.Thread(target=run, name="traktauth-person", daemon=True).start()
    return await future


def _forget_pool() -> None:
    global _pool  # noqa: PLW0603 - a forked child has none of its threads
    _pool = None


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_pool)
