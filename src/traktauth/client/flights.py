"""Callers of one process that want the same thing share one run of it and its outcome."""

from __future__ import annotations

import copy
import os
import threading
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable


class Landing(Enum):
    """How a flight may end other than with an outcome."""

    ABANDONED = "its leader gave up without an outcome; try to lead it"


class Flight:
    """One run that several callers wait for."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._outcome: Any = Landing.ABANDONED
        self._error: Exception | None = None

    def land(self, outcome: Any = Landing.ABANDONED, *, error: Exception | None = None) -> None:  # noqa: ANN401 - any outcome
        """End the flight for everybody who waits."""
        self._outcome, self._error = outcome, error
        with self._lock:
            self._done.set()
            callbacks = self._callbacks
        for callback in callbacks:
            callback()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; False where it did not come in time."""
        return self._done.wait(seconds)

    def when_landed(self, callback: Callable[[], None]) -> None:
        """Call back at the end, in whatever thread that comes; at once where it has come."""
        with self._lock:
            if not self._done.is_set():
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


def board(tag: Hashable) -> tuple[Flight, bool]:
    """Return the flight of this tag, and whether the caller leads it: then it must call `leave` and `land`."""
    with _lock:
        flight = _flights.get(tag)
        if flight is not None:
            return flight, False
        flight = _flights[tag] = Flight()
        return flight, True


def leave(tag: Hashable) -> None:
    """Take a flight that is about to land off the board, so that whoever comes now starts the next."""
    with _lock:
        _flights.pop(tag, None)


@contextmanager
def flying(flight: Flight, tag: Hashable) -> Generator[Callable[[Any], None]]:
    """Lead a flight: what is handed to the value is its outcome, an Exception its error; else it is abandoned."""
    landed: list[Any] = [Landing.ABANDONED]
    try:
        yield landed.append
    except Exception as error:
        leave(tag)
        flight.land(error=error)
        raise
    except BaseException:
        leave(tag)
        flight.land()
        raise
    leave(tag)
    flight.land(landed[-1])


def _forget_all() -> None:
    """Forget the parent's flights: in a forked child nobody flies them."""
    global _lock  # noqa: PLW0603 - the parent may have held it while it forked
    _lock = threading.Lock()
    _flights.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_all)
