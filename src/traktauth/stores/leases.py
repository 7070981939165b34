"""The lock of a store on a database: a lease with an owner and an end, so that nothing is held open meanwhile."""

from __future__ import annotations

import os
import random
import time

# Seconds. It outlives the longest request, and is what flows reckon with (`traktauth.flow.terms.LEASE`).
LEASE = 30.0
# Seconds that the answer to a lease may take; one that comes later, as its asker was stopped, is asked for again.
LATE = 10.0
_FIRST_PAUSE = 0.003


def steady_clock() -> float:
    """Return seconds that never run backwards and do not stop while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux, whose monotonic clock sleeps with it
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def new_owner() -> str:
    """Return a name for one holding of one lease."""
    return os.urandom(12).hex()


class Wait:
    """A waiter's patience.

    Args:
        patience: in seconds.
        longest: the longest pause between two looks, in seconds.
    """

    def __init__(self, patience: float, longest: float) -> None:
        self._until = time.monotonic() + patience
        self._longest = longest
        self._pause = _FIRST_PAUSE

    def pause(self) -> float:
        """Return how long to wait before the next look, with jitter; 0 where patience is over."""
        left = self._until - time.monotonic()
        if left <= 0:
            return 0.0
        pause = self._pause * random.uniform(0.75, 1.25)  # noqa: S311 - so that waiters do not come all together
        self._pause = min(self._pause * 1.6, self._longest)
        return min(pause, left)
