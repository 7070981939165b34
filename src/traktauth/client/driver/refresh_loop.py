"""An event loop of its own for refreshes: an application's loop may be stopped and closed in the middle of one."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Generic, TypeVar

from traktauth.client.driver.shield import start_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_LOOK = 0.25  # seconds between two looks at a loop that may be stopped and closed

# The event loop of the caller, while its work is done in the refresh loop.
_caller: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("traktauth_caller", default=None)


class LoopClosed(Exception):
    """The event loop in which something had to be done was closed.

    Attributes:
        began: whether it was begun.
    """

    def __init__(self, *, began: bool) -> None:
        super().__init__("the event loop was closed")
        self.began = began


class _Job(Generic[T]):
    """Work for the refresh loop, and a caller in another loop that waits for its outcome."""

    def __init__(self, work: Callable[[], Awaitable[T]], on_end: Callable[[], None]) -> None:
        self._work = work
        self._on_end = on_end
        self._caller = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._caller.create_future()
        _caller_before = _caller.set(self._caller)
        self._context = copy_context()
        _caller.reset(_caller_before)
        self._task: asyncio.Task[None] | None = None
        self._is_cancelled = False
        self._values: list[T] = []
        self._error: BaseException | None = None

    def start(self, loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
        """Start the work; called in the refresh loop."""
        self._task = loop.create_task(self._run(), context=self._context)
        self._task.add_done_callback(lambda _: self._end(end))
        if self._is_cancelled:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            self._values.append(await self._work())
        except BaseException as error:  # noqa: BLE001 - raised by `value`, in the caller's loop
            self._error = error

    def _end(self, end: Callable[[], None]) -> None:
        if not self._values and self._error is None:
            self._error = asyncio.CancelledError()  # it was cancelled before its first step
        self._on_end()
        end()
        with suppress(RuntimeError):  # the caller's loop is closed, and its waiters with it
            self._caller.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def cancel(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel the work; what is shielded from that comes to its end first."""
        self._is_cancelled = True
        with suppress(RuntimeError):  # it has ended meanwhile
            loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())

    def value(self) -> T:
        """Return the outcome, or raise it."""
        if self._error is not None:
            raise self._error
        return self._values[0]


class _RefreshLoop:
    """A thread with an event loop. It ends with its last job, and the interpreter waits for it at its own end."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.jobs = 0
        self._stop = asyncio.Event()

    def run(self) -> None:
        """Run the loop until its last job has ended."""
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._wait())

    async def _wait(self) -> None:
        await self._stop.wait()

    def end_job(self) -> None:
        """Count a job that has ended; called in the loop."""
        global _current  # noqa: PLW0603 - one serves every loop of the process
        with _lock:
            self.jobs -= 1
            if not self.jobs:
                _current = None
                self._stop.set()


_current: _RefreshLoop | None = None
_lock = threading.Lock()


async def in_refresh_loop(work: Callable[[], Awaitable[T]], on_end: Callable[[], None]) -> T:
    """Do work in the refresh loop, which nothing stops; a cancellation is passed on, and waits for its end.

    If no thread can be had it is done in the caller's loop. `on_end` is called at the end, in either loop.
    """
    job = _Job(work, on_end)
    refresh_loop = _begin(job)
    if refresh_loop is None:
        try:
            return await work()
        finally:
            on_end()
    cancelled: asyncio.CancelledError | None = None
    while not job.ended.done():
        try:
            await asyncio.wait([job.ended])
        except asyncio.CancelledError as error:
            cancelled = error
            job.cancel(refresh_loop.loop)
    if cancelled is not None:
        raise cancelled
    return job.value()


def _begin(job: _Job[T]) -> _RefreshLoop | None:
    global _current  # noqa: PLW0603 - see above
    with _lock:
        refresh_loop = _current
        if refresh_loop is None:
            refresh_loop = _RefreshLoop()
            if not start_thread(refresh_loop.run, name="traktauth-refresh", daemon=False):
                refresh_loop.loop.close()
                return None
            _current = refresh_loop
        refresh_loop.jobs += 1
        refresh_loop.loop.call_soon_threadsafe(job.start, refresh_loop.loop, refresh_loop.end_job)
        return refresh_loop


def callers_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of the caller whose work the refresh loop does; outside of that the running loop."""
    return _caller.get() or asyncio.get_running_loop()


async def in_callers_loop(work: Callable[[], Awaitable[T]], limit: float) -> T:
    """Do work in the loop of the caller whose work the refresh loop does, as what it uses belongs to that loop.

    Args:
        work: the work.
        limit: seconds to wait for a loop that does not run.

    Raises:
        LoopClosed: the loop was closed, or has not run for too long.
    """
    loop = _caller.get()
    if loop is None or loop is asyncio.get_running_loop():
        return await work()
    began: list[bool] = []

    async def run() -> T:
        began.append(True)
        return await work()

    coroutine = run()
    try:
        future = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))
    except RuntimeError:
        coroutine.close()
        raise LoopClosed(began=False) from None
    while not (await asyncio.wait([future], timeout=_LOOK))[0]:
        limit -= 0.0 if loop.is_running() else _LOOK
        if loop.is_closed() or limit <= 0:
            if not began:
                coroutine.close()
            raise LoopClosed(began=bool(began))
    return future.result()


def _forget() -> None:
    """Begin anew in a forked child, which has none of its parent's threads."""
    global _current, _lock
    _current, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget)
