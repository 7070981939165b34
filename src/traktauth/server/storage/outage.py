"""Log why requests are answered 503: one line when the database fails, and one when it works again."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

from traktauth.display import escape, shorten
from traktauth.server.errors import PROTOCOL_ERRORS
from traktauth.server.storage.base import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

log = logging.getLogger(__name__)
READ, WRITE = "read", "write"
SOON_SECONDS = 60.0
"""An outage that begins so soon after the last one belongs to a database that fails now and then."""
LONGEST_HOLD_SECONDS = 60.0


class Outage:
    """Whether the database fails, and what has been logged of it.

    A database may fail for some requests and work for others: a full disk can still be read, and of a damaged file
    most pages are good. So an outage ends when both reading and writing work. If the next one begins soon, its end is
    logged after a while without a failure, which is doubled each time: the log does not grow with the requests. Any
    thread may note what it sees.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failing: set[str] = set()
        self._began: float | None = None
        self._last_failure = 0.0
        self._ended: float | None = None
        self._hold = 0.0
        self._failures = 0

    def note_failure(self, kind: str, error: StorageUnavailable) -> None:
        """Note a failure to read or to write, and log it if it is the first one."""
        with self._lock:
            now = self._clock()
            self._failing.add(kind)
            self._last_failure = now
            self._failures += 1
            if self._began is not None:
                return
            self._began, self._failures = now, 1
            is_soon = self._ended is not None and now - self._ended < SOON_SECONDS
            self._hold = min(max(1.0, self._hold * 2), LONGEST_HOLD_SECONDS) if is_soon else 0.0
            reason = shorten(escape(next(iter(str(error).splitlines()), "")))
            log.warning("Requests are answered 503, as the database cannot be used: %s", reason)

    def note_success(self, kind: str) -> None:
        """Note that reading or writing works, and log the end of the outage if it is over."""
        if self._began is not None:  # asked without the lock, as after nearly every transaction
            self._end_if_over(kind)

    def _end_if_over(self, kind: str) -> None:
        with self._lock:
            self._failing.discard(READ)  # what can be written can be read
            self._failing.discard(kind)
            now = self._clock()
            if self._began is None or self._failing or now - self._last_failure < self._hold:
                return
            seconds, self._began, self._ended = now - self._began, None, now
            log.warning("The database works again after %.1f s, in which it failed %d times", seconds, self._failures)

    @contextlib.contextmanager
    def watch(self, kind: str) -> Generator[None]:
        """Note whether what reads or writes in this context works."""
        try:
            yield
        except StorageUnavailable as error:
            self.note_failure(kind, error)
            raise
        except PROTOCOL_ERRORS:
            self.note_success(kind)
            raise
        self.note_success(kind)
