"""The breaker: when a service fails, the fleet stops asking; when it answers again, the fleet begins slowly.

Each renewal that is sent into an outage may be one whose answer is lost. So a keeper begins with one, one uncertain
failure stops all but those that are on the wire, and what is asked meanwhile is a question that spends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_WAIT = 2.0
_LONGEST_WAIT = 300.0


class Breaker:
    """Whether, and how many at once, renewals may be sent.

    Args:
        most: requests on the wire at once while all is well.
        monotonic: seconds.
    """

    def __init__(self, most: int, monotonic: Callable[[], float]) -> None:
        self._most = most
        self._monotonic = monotonic
        self._wait = 0.0
        self._until = 0.0
        self._since: float | None = None
        self.allowed = 1

    @property
    def is_open(self) -> bool:
        """Tell whether the service counts as failing."""
        return self._since is not None

    def seconds(self) -> float:
        """Return the seconds until the service is asked whether it lives."""
        return max(0.0, self._until - self._monotonic())

    def failed(self, *, asked: bool = False) -> bool:
        """Count a failure of the service; True where it is the first of an outage.

        Only the first one, and those of questions, let the next question wait longer: what was on the wire when an
        outage began fails all at once, and says no more than that.
        """
        first = self._since is None
        if first:
            self._since = self._monotonic()
        if first or asked:
            self._wait = min(_LONGEST_WAIT, self._wait * 2 if self._wait else _FIRST_WAIT)
        self._until = self._monotonic() + self._wait
        self.allowed = 1
        return first

    def lives(self) -> float:
        """Take the service for living again; return how many seconds it did not."""
        after = 0.0 if self._since is None else self._monotonic() - self._since
        self._since = None
        return after

    def answered(self) -> None:
        """Count an answer: twice as many may be on the wire as before."""
        if self._since is None:
            self._wait = 0.0
            self.allowed = min(self._most, self.allowed * 2)
