"""The lock of a store on a database: a lease with an owner and an end, so that nothing is held open meanwhile.

How long a lease lasts: `traktauth.timeouts.LEASE`.
"""

from __future__ import annotations

import os
import random
import time

from traktauth.models import LoginKey
from traktauth.stores.processes import has_ended, process_mark

# Seconds that the answer to a lease may take; one that comes later, as its asker was stopped, is asked for again.
LEASE_GRANT_MAX_AGE = 10.0
# Seconds of waiting between two looks at who has the lease.
OWNER_CHECK_INTERVAL = 0.5
_FIRST_PAUSE = 0.003


def steady_clock() -> float:
    """Return seconds that never run backwards and do not stop while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux, whose monotonic clock sleeps with it
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def new_owner() -> str:
    """Return a name for one holding of one lease, with the mark of this process (`owner_has_ended`)."""
    return f"{os.urandom(12).hex()}:{process_mark()}"


class LeaseOwners:
    """Names for the holdings of one store object.

    If the response to a command about a lease is lost, the lease may be held under a name that nothing uses any more,
    and everyone would wait for its end. So the next holding of the same login in this process takes that name.
    """

    def __init__(self) -> None:
        self._unsettled: dict[tuple[int, LoginKey], str] = {}

    def take(self, login: LoginKey) -> str:
        """Return the name for one holding: that of an unsettled lease, once, or a new one."""
        return self._unsettled.pop((os.getpid(), login), None) or new_owner()

    def keep(self, login: LoginKey, owner: str) -> None:
        """Keep the name of a lease of which it is unknown whether it is held."""
        self._unsettled[os.getpid(), login] = owner


def owner_has_ended(owner: str) -> bool:
    """Return whether the process that made this name is known to have ended, so that its lease protects nothing."""
    return has_ended(owner.partition(":")[2])


class Backoff:
    """A waiter's timeout.

    Args:
        timeout: in seconds.
        longest: the longest pause between two looks, in seconds.
    """

    def __init__(self, timeout: float, longest: float) -> None:
        self._until = time.monotonic() + timeout
        self._longest = longest
        self._pause = _FIRST_PAUSE

    def pause(self) -> float:
        """Return how long to wait before the next look, with jitter; 0 where timeout is over."""
        left = self._until - time.monotonic()
        if left <= 0:
            return 0.0
        pause = self._pause * random.uniform(0.75, 1.25)  # noqa: S311 - so that waiters do not come all together
        self._pause = min(self._pause * 1.6, self._longest)
        return min(pause, left)
