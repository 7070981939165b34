"""Single-flight: callers of one process that want the same thing share one call and its outcome."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from enum import Enum

from traktauth.client.driver.shield import Latch
from traktauth.flow.effects import BUSY


class _NoOutcome(Enum):
    ABANDONED = "the leader gave up; another caller may lead"


ABANDONED = _NoOutcome.ABANDONED


class SharedCall:
    """One call, made by its leader, that several callers wait for."""

    def __init__(self) -> None:
        self._gate = Latch()
        self._is_done = False
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._outcome: object = ABANDONED
        self._error: Exception | None = None

    def finish(self, outcome: object, error: Exception | None) -> None:
        """Publish the outcome to every waiter; called again if a signal came in the middle of it."""
        self._outcome, self._error = outcome, error
        with self._lock:
            self._is_done = True
            callbacks = self._callbacks
        self._gate.open()
        for callback in callbacks:
            callback()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; return False if it did not come in time."""
        self._gate.wait(seconds)
        return self._is_done

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back at the end, in whatever thread that comes; at once if it has come."""
        with self._lock:
            if not self._is_done:
                self._callbacks.append(callback)
                return
        callback()

    def outcome(self) -> object:
        """Return the outcome, or raise; each caller raises an error of its own, with a traceback of its own."""
        if self._error is not None:
            error = copy.copy(self._error)
            error.__cause__ = self._error.__cause__
            raise error
        return self._outcome


_calls: dict[Hashable, SharedCall] = {}
_lock = threading.Lock()


def run_shared(
    key: Hashable, lead: Callable[[], object], timeout: float, *, on_wait: Callable[[], None] = lambda: None
) -> object:
    """Make the call of this key, or wait for the one that another caller makes; BUSY after the timeout.

    A leader that gets BUSY has no outcome for waiters with a longer timeout: one of them leads next. `on_wait` is
    called before another caller's call is waited for.
    """
    until = time.monotonic() + timeout
    while True:
        mine = SharedCall()
        with leading(key, mine) as publish:
            call = join(key, mine)
            if call is mine:
                outcome = lead()
                publish(ABANDONED if outcome is BUSY else outcome)
                return outcome
        if timeout > 0:
            on_wait()
        if not call.wait(max(0.0, until - time.monotonic())):
            return BUSY
        outcome = call.outcome()
        if outcome is not ABANDONED:
            return outcome


def join(key: Hashable, mine: SharedCall) -> SharedCall:
    """Return the call of this key: the caller's own, which it then leads within `leading`, or another's."""
    with _lock:
        return _calls.setdefault(key, mine)


@contextmanager
def leading(key: Hashable, mine: SharedCall) -> Generator[Callable[[object], None]]:
    """Publish the leader's outcome or Exception to all waiters on exit; without one, waiters retry.

    This is entered before `join`: a signal may come at any step, and a call without a leader would block every waiter.
    """
    published: list[object] = [ABANDONED]
    failed: Exception | None = None
    try:
        yield published.append
    except Exception as error:
        failed = error
        raise
    except BaseException:
        published.append(ABANDONED)
        raise
    finally:
        try:
            finish(key, mine, published[-1], failed)
        except BaseException:
            finish(key, mine, published[-1], failed)  # a signal came in the middle of it
            raise


def finish(key: Hashable, mine: SharedCall, outcome: object, error: Exception | None) -> None:
    """Remove the call first, so that a caller that comes now starts the next one."""
    with _lock:
        if _calls.get(key) is mine:
            del _calls[key]
    mine.finish(outcome, error)


def _reset_after_fork() -> None:
    """Drop the parent's calls: their leaders do not exist in a forked child."""
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = threading.Lock()
    _calls.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_reset_after_fork)
