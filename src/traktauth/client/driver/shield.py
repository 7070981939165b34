"""Work that signals, cancellations and forks do not interrupt."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar

from traktauth.errors import TryLater

T = TypeVar("T")

# What is imported on first use, by the first part of its name.
_IMPORTED_ON_USE = frozenset(
    {
        "traktauth",
        "httpx2",
        "httpcore2",
        "hashlib",
        "logging",
        "email",
        "shlex",
        "asyncio",
        "sqlite3",
        "psycopg",
        "redis",
    }
)
_FORK_LIMIT = 5.0  # seconds that a fork waits for imports


def start_thread(work: Callable[[], None], *, name: str, daemon: bool) -> bool:
    """Start a thread; return False if none can be had.

    That is so at a limit of the system (of processes, of memory), and on Python 3.12 once the main thread has ended.
    """
    try:
        threading.Thread(target=work, name=name, daemon=daemon).start()
    except (RuntimeError, MemoryError, OSError):
        return False
    return True


def uninterrupted(work: Callable[[], T]) -> T:
    """Do work that KeyboardInterrupt and other signals' exceptions do not stop; they are raised after it.

    It runs in a non-daemon thread: signals reach only the main thread. If no thread can be had it is done in this one.

    Raises:
        TryLater: this is a daemon thread of a program that is ending: it could be stopped in the middle of the work.
    """
    job = _Job(partial(copy_context().run, work))  # a store of the application's may choose its place by its context
    stopped: BaseException | None = None
    try:
        if not start_thread(job.run, name="traktauth-refresh", daemon=False) and job.claim():
            _check_that_this_thread_lasts()
            return work()  # better without protection than not at all
    except BaseException as error:
        if job.is_mine or job.claim():  # it has not begun in another thread, and now it never will
            raise
        stopped = error
    outer = _jobs.get(threading.get_ident())
    _jobs[threading.get_ident()] = job
    try:
        stopped = job.wait() or stopped
    finally:
        if outer is None:
            _jobs.pop(threading.get_ident(), None)
        else:
            _jobs[threading.get_ident()] = outer
    if stopped is not None:
        raise stopped
    return job.value()


def wait_for_own_work(seconds: float) -> None:
    """Wait for the work that this thread itself waits for: a signal handler was called in the middle of that."""
    job = _jobs.get(threading.get_ident())
    if job is not None:
        job.latch.wait(seconds)


def _check_that_this_thread_lasts() -> None:
    if threading.current_thread().daemon and not threading.main_thread().is_alive():
        raise TryLater("This program is ending, so no refresh is begun in a daemon thread")


class Latch:
    """Opens once, for every thread that waits.

    It is a bare lock, which is held until then: a `threading.Event` is left locked if a signal handler is called in
    the middle of it, and would keep the handler and everybody else waiting.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def open(self) -> None:
        """Let everybody through, from now on."""
        with suppress(RuntimeError):  # it is open
            self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Wait until it is open; return False if it was not opened in time."""
        if self._lock.acquire(timeout=seconds):
            self.open()  # for the next one who waits
            return True
        return False


class Unfinished:
    """Counts refreshes that are under way, so that `close` waits for them."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        self._forget_the_parents()
        with self._changed:
            self._count += 1

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait for their end; a forked child has none of its parent's."""
        self._forget_the_parents()
        with self._changed:
            self._changed.wait_for(lambda: not self._count)

    def _forget_the_parents(self) -> None:
        """Start over in a forked child: another thread of the parent may have held the lock."""
        if self._process != os.getpid():
            self._count, self._changed, self._process = 0, threading.Condition(), os.getpid()


_jobs: dict[int, _Job[Any]] = {}  # by the thread that waits for it


class _Job(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._claim = threading.Lock()
        self.latch = Latch()
        self.is_mine = False
        self._is_done = False
        self._outcome: list[T] = []
        self._failure: BaseException | None = None

    def claim(self) -> bool:
        """Decide, once, whether the work is done in the job's thread, or in the caller's or never."""
        self.is_mine = self._claim.acquire(blocking=False)
        return self.is_mine

    def run(self) -> None:
        if not self._claim.acquire(blocking=False):
            return
        try:
            self._outcome.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised by `value`
            self._failure = error
        finally:
            self._is_done = True
            self.latch.open()

    def wait(self) -> BaseException | None:
        """Wait for the end, through every signal; the first one's exception is returned."""
        stopped: BaseException | None = None
        while True:
            try:
                while not self._is_done:
                    self.latch.wait(threading.TIMEOUT_MAX)
                return stopped  # noqa: TRY300 - within the try, as a signal may come at any step
            except BaseException as error:  # noqa: BLE001 - returned
                stopped = stopped or error

    def value(self) -> T:
        if self._failure is not None:
            raise self._failure
        return self._outcome[0]


# ---------------------------------------------------------------- signals without a handler
# What ends a program that has no handler for it: `docker stop` and systemd send the first, a closed terminal the other.
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no SIGHUP

_calls: set[object] = set()  # of the main thread, during which the handler is set
_work: set[object] = set()  # in any thread: between the recording of a sending and the saving of its response
_arrived: list[int] = []  # signals that wait for the end of the work


@contextmanager
def shielded_work() -> Generator[None]:
    """Mark work that a signal must not end."""
    mark = object()
    _work.add(mark)
    try:
        yield
    finally:
        _work.discard(mark)


@contextmanager
def deferring_signals() -> Generator[None]:
    """Let signals that would end the program wait for the end of shielded work.

    Only the main thread can set a handler, so calls in other threads are not protected. A signal that the program
    handles or ignores is left to it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    call = object()
    try:
        _calls.add(call)
        with suppress(ValueError):  # in a subinterpreter
            for number in _ENDING:
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, _handle)
        yield
    finally:
        _calls.discard(call)
        with suppress(ValueError):  # the same, and an abandoned coroutine that another thread closes
            if not _calls:
                for number in _ENDING:
                    if signal.getsignal(number) is _handle:
                        signal.signal(number, signal.SIG_DFL)
            if not (_calls and _work):
                while _arrived:
                    signal.raise_signal(_arrived.pop())


def _handle(number: int, _frame: object) -> None:
    if _work:
        _arrived.append(number)
        return
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


# ---------------------------------------------------------------- forks
def _wait_for_imports() -> None:
    """Wait until no other thread imports a module that a refresh needs.

    Python keeps a module locked while it is imported. If the process forks then, no thread of the child ever releases
    that lock, and the child's first refresh would wait for it without end.
    """
    until = time.monotonic() + _FORK_LIMIT
    while _is_importing_elsewhere() and time.monotonic() < until:
        time.sleep(0.001)


def _is_importing_elsewhere() -> bool:
    locks: dict[str, Callable[[], object]] = getattr(sys.modules.get("_frozen_importlib"), "_module_locks", {})
    owners = {
        getattr(lock(), "owner", None)
        for name, lock in list(locks.items())
        if name.partition(".")[0] in _IMPORTED_ON_USE
    }
    return not owners <= {None, threading.get_ident()}


def _forget_calls() -> None:
    """In a forked child, the parent's calls and work do not exist: a signal ends it at once."""
    _calls.clear()
    _work.clear()
    _arrived.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_wait_for_imports, after_in_child=_forget_calls)
