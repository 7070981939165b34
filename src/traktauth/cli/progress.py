"""One line on a terminal that is rewritten: how many, how fast, how long it takes; nothing where nobody watches."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from traktauth.cli.durations import in_words
from traktauth.cli.stream import say_in_place

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType
    from typing import Self

_EVERY = 0.1  # seconds between two drawings
_FIRST = 0.5  # what is done within this is not worth a line


class Progress:
    """How far a command has come, on stderr.

    Args:
        total: of how many; None where nobody knows.
        shown: whether a person reads this.
    """

    def __init__(self, total: int | None, *, shown: bool) -> None:
        self._total = total
        self._shown = shown and is_terminal()
        self._done = 0
        self._began = time.monotonic()
        self._drawn = self._began + _FIRST

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the line away."""
        self.clear()

    def step(self) -> None:
        """Count one, and show it now and then."""
        self._done += 1
        now = time.monotonic()
        if self._shown and now - self._drawn >= _EVERY:
            self._drawn = now
            say_in_place(line(self._done, self._total, now - self._began))

    @contextmanager
    def aside(self) -> Generator[None]:
        """Make room for a line that stays."""
        self.clear()
        yield

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            say_in_place("")


def line(done: int, total: int | None, seconds: float) -> str:
    """Return what is shown: `120 of 5000, 40/s, 2 min left`."""
    rate = done / seconds if seconds > 0 else 0.0
    words = [f"{done} of {total}" if total is not None else str(done), f"{rate:.0f}/s"]
    if total is not None and rate:
        words.append(f"{in_words(max(0, total - done) / rate)} left")
    return ", ".join(words)


def is_terminal() -> bool:
    """Tell whether stderr is a terminal on which a line can be rewritten."""
    with suppress(AttributeError, ValueError):  # it was closed before us
        return sys.stderr.isatty()
    return False
