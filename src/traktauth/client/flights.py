"""Callers of one process that want the same thing share one run of it and its outcome."""

from __future__ import annotations

import copy
import os
import threading
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable


class Landing(Enum):
    """How a flight may end other than with an outcome."""

    ABANDONED = "its leader gave up without an outcome; try to lead it"


class Flight:
    """One run that several callers wait for.

    The gate is a bare lock, which is held until the end: an Event is left locked where a signal comes in the middle of
    it, and would keep everybody waiting.
    """

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._gate.acquire()
        self._done = False
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._outcome: Any = Landing.ABANDONED
        self._error: Exception | None = None

    def land(self, outcome: Any = Landing.ABANDONED, *, error: Exception | None = None) -> None:  # noqa: ANN401 - any outcome
        """End the flight for everybody who waits; again, where a signal came in the middle of it."""
        self._outcome, self._error = outcome, error
        with self._lock:
            self._done = True
            callbacks = self._callbacks
        self._open_gate()
        for callback in callbacks:
            callback()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; False where it did not come in time."""
        if self._gate.acquire(timeout=seconds):
            self._open_gate()  # for the next one who waits
        return self._done

    def _open_gate(self) -> None:
        with suppress(RuntimeError):  # it is open
            self._gate.release()

    def when_landed(self, callback: Callable[[], None]) -> None:
        """Call back at the end, in whatever thread that comes; at once where it has come."""
        with self._lock:
            if not self._done:
                self._callbacks.append(callback)
                return
        callback()

    def outcome(self) -> Any:  # noqa: ANN401 - any outcome
        """Return what came of it, or raise; each caller raises an error of its own, with a traceback of its own."""
        if self._error is not None:
            raise copy.copy(self._error)
        return self._outcome


_flights: dict[Hashable, Flight] = {}
_lock = threading.Lock()


def board(tag: Hashable, mine: Flight) -> Flight:
    """Return the flight of this tag: the caller's own, which it then leads within `flying`, or another's."""
    with _lock:
        return _flights.setdefault(tag, mine)


def leave(tag: Hashable, mine: Flight) -> None:
    """Take a flight that is about to land off the board, so that whoever comes now starts the next."""
    with _lock:
        if _flights.get(tag) is mine:
            del _flights[tag]


@contextmanager
def flying(mine: Flight, tag: Hashable) -> Generator[Callable[[Any], None]]:
    """Lead a flight, if it is the caller's: what is handed to the value is its outcome, an Exception its error.

    Else it is abandoned. This is entered before `board`: a signal may come at any step, and a flight that nobody leads
    would keep everybody waiting.
    """
    landed: list[Any] = [Landing.ABANDONED]
    failed: Exception | None = None
    try:
        yield landed.append
    except Exception as error:
        failed = error
        raise
    except BaseException:
        landed.append(Landing.ABANDONED)
        raise
    finally:
        try:
            _end(mine, tag, landed[-1], failed)
        except BaseException:
            _end(mine, tag, landed[-1], failed)  # a signal came in the middle of it
            raise


def _end(mine: Flight, tag: Hashable, outcome: Any, error: Exception | None) -> None:  # noqa: ANN401 - any outcome
    leave(tag, mine)
    mine.land(outcome, error=error)


def _forget_all() -> None:
    """Forget the parent's flights: in a forked child nobody flies them."""
    global _lock  # noqa: PLW0603 - the parent may have held it while it forked
    _lock = threading.Lock()
    _flights.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_all)
