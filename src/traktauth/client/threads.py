"""Work that signals do not stop."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def uninterrupted(work: Callable[[], T]) -> T:
    """Do work that KeyboardInterrupt and other signals' exceptions do not stop; they are raised after it.

    It is done in a thread, as Python delivers signals to the main thread alone, and one that the interpreter waits
    for at its end.
    """
    job = _Job(work)
    stopped: BaseException | None = None
    try:
        threading.Thread(target=job.run, name="traktauth-renewal", daemon=False).start()
    except RuntimeError:
        return work()  # no thread is to be had; better without protection than not at all
    except BaseException as error:
        if job.claim():  # it has not begun, and now it never will
            raise
        stopped = error
    stopped = job.wait() or stopped
    if stopped is not None:
        raise stopped
    return job.value()


class Unfinished:
    """Counts renewals that are under way, so that nobody closes what they need."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait for their end; a forked child has none of its parent's."""
        if self._process == os.getpid():
            with self._changed:
                self._changed.wait_for(lambda: not self._count)


class _Job(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._claim = threading.Lock()
        self._done = threading.Event()
        self._outcome: list[T] = []
        self._failure: BaseException | None = None

    def claim(self) -> bool:
        """Decide, once, whether the work is done or never begun."""
        return self._claim.acquire(blocking=False)

    def run(self) -> None:
        if not self.claim():
            return
        try:
            self._outcome.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised by `value`
            self._failure = error
        finally:
            self._done.set()

    def wait(self) -> BaseException | None:
        """Wait for the end, through every signal; the first one's exception is returned."""
        stopped: BaseException | None = None
        while True:
            try:
                while not self._done.is_set():
                    self._done.wait()
                return stopped  # noqa: TRY300 - within the try, as a signal may come at any step
            except BaseException as error:  # noqa: BLE001 - returned
                stopped = stopped or error

    def value(self) -> T:
        if self._failure is not None:
            raise self._failure
        return self._outcome[0]
