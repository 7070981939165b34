"""Threads for asyncio: blocking work is done in them, and what must be finished does not depend on an event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from traktauth.client.driver.shield import start_thread

T = TypeVar("T")

_LOOK = 0.25  # seconds between two looks at an event loop that may be stopped and closed


# ---------------------------------------------------------------- from an event loop into a thread
_pool: ThreadPoolExecutor | None = None


async def in_thread(work: Callable[[], T]) -> T:
    """Do short blocking work, such as a store's, in one of four threads; a cancellation waits for its end."""
    global _pool  # noqa: PLW0603 - one pool serves every loop of the process
    if _pool is None:
        _pool = ThreadPoolExecutor(4, thread_name_prefix="traktauth-store")
    outcome: Future[T] = Future()
    claim = threading.Lock()
    context = copy_context()  # a store of the application's may choose its place by it

    def run() -> None:
        if not claim.acquire(blocking=False):
            return
        try:
            outcome.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            outcome.set_exception(error)

    waiter = asyncio.wrap_future(outcome)
    try:
        _pool.submit(run)
    except (RuntimeError, MemoryError):
        # No thread is to be had, as the interpreter is ending or at a limit of the system; a token must be saved all
        # the same. The pool may have queued the work nevertheless, and it is done once.
        run()
    return await wait_uncancelled(waiter)


async def in_own_thread(work: Callable[[], T]) -> T:
    """Do work that waits for a user or a server in a daemon thread; a cancellation leaves it to itself."""
    return await _start(work, daemon=True)


async def in_lasting_thread(work: Callable[[], T], on_cancel: Callable[[], object] = lambda: None) -> T:
    """Do work in a non-daemon thread, which ends also if the event loop is closed.

    Args:
        work: the work.
        on_cancel: is called on a cancellation, which then waits for the end of the work.
    """
    return await wait_uncancelled(_start(work, daemon=False), on_cancel)


def _start(work: Callable[[], T], *, daemon: bool) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def finish(deliver: Callable[[], None]) -> None:
        if not future.done():
            deliver()

    def run() -> None:
        try:
            deliver = partial(future.set_result, context.run(work))
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            deliver = partial(future.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(finish, deliver)

    if not start_thread(run, name="traktauth-user" if daemon else "traktauth-refresh", daemon=daemon):
        run()  # better a blocked event loop than a lost token
    return future


async def wait_uncancelled(future: asyncio.Future[T], on_cancel: Callable[[], object] = lambda: None) -> T:
    """Wait until a future is done, through every cancellation; the cancellation is raised after that."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
            on_cancel()
    if cancelled is not None:
        if not future.cancelled():
            future.exception()  # it was seen; the cancellation goes before
        raise cancelled
    return future.result()


# ---------------------------------------------------------------- from a thread into an event loop
class LoopUnavailable(Exception):
    """The event loop in which something had to be done is closed, or has not run for too long.

    Attributes:
        began: whether it was begun.
    """

    def __init__(self, *, began: bool) -> None:
        super().__init__("the event loop does not run")
        self.began = began


def run_in_loop(loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[Any, Any, T]], limit: float) -> T:
    """Do async work in an event loop that runs in another thread, and wait for its end.

    Args:
        loop: the event loop.
        work: the work.
        limit: seconds to wait for a loop that does not run.

    Raises:
        LoopUnavailable: the loop is closed, does not run, or runs in this very thread.
    """
    began: list[bool] = []

    async def run() -> T:
        began.append(True)
        return await work()

    if _running_loop() is loop:
        raise LoopUnavailable(began=False)
    coroutine = run()
    try:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:
        coroutine.close()
        raise LoopUnavailable(began=False) from None
    while True:
        try:
            return future.result(_LOOK)
        except TimeoutError:
            if future.done():  # the work itself raised it
                raise
        limit -= 0.0 if loop.is_running() else _LOOK
        if loop.is_closed() or limit <= 0:
            if not began:
                coroutine.close()
            raise LoopUnavailable(began=bool(began))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _forget_pool() -> None:
    global _pool  # noqa: PLW0603 - a forked child has none of its threads
    _pool = None


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_pool)
