"""The one clock that everything here goes by."""

from __future__ import annotations

import time


class Clock:
    """The machine's clock, moved forward on request.

    Calling it gives the time in seconds since 1970, so that it can stand wherever `time.time` does.
    """

    __slots__ = ("_ahead",)

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Give the time, in seconds since 1970."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> float:
        """Move the clock by *seconds*; give the time it shows then."""
        self._ahead += seconds
        return self()

    def put_back(self) -> None:
        """Show the machine's time again."""
        self._ahead = 0.0
