"""The server's clock, which tests can move.

It shows 1970 to 9000: every time computed from it, also the end of the longest lifetime, is a date that Python and most
other languages can represent, which have no year after 9999.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

LATEST = datetime(9000, 1, 1, tzinfo=UTC).timestamp()


class Clock:
    """The machine's clock, moved on request.

    Calling it gives the time in seconds since 1970, so that it can stand wherever `time.time` does.
    """

    __slots__ = ("_ahead",)

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> float:
        """Move the clock by *seconds*, back if they are less than 0; return the time it shows then.

        Raises:
            ValueError: it would show a time before 1970-01-01 or after 9000-01-01; it stays as it was.
        """
        now = self()
        if not -now <= seconds <= LATEST - now:
            raise ValueError(
                "the clock goes from 1970-01-01 to 9000-01-01: "
                f"from here it can be moved by {math.ceil(-now)} to {math.floor(LATEST - now)} seconds"
            )
        self._ahead += seconds
        return self()

    def put_back(self) -> None:
        """Show the machine's time again."""
        self._ahead = 0.0
