"""A progress line on a terminal: count, rate and time left. Writes nothing if stderr is a pipe or a file."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from traktauth.cli.output import print_in_place
from traktauth.cli.times import format_duration

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType
    from typing import Self

# Seconds.
_UPDATE_INTERVAL = 0.1
_FIRST_UPDATE = 0.5  # a command that ends sooner shows no line


class Progress:
    """The progress of a command, shown on stderr.

    Args:
        total: number of steps; None if it is unknown.
        shown: whether to show it on a terminal.
    """

    def __init__(self, total: int | None, *, shown: bool) -> None:
        self._total = total
        self._shown = shown and is_terminal()
        self._done = 0
        self._began = time.monotonic()
        self._drawn = self._began + _FIRST_UPDATE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Remove the line."""
        self.clear()

    def step(self) -> None:
        """Count a step, and update the line if it is time."""
        self._done += 1
        now = time.monotonic()
        if self._shown and now - self._drawn >= _UPDATE_INTERVAL:
            self._drawn = now
            print_in_place(line(self._done, self._total, now - self._began))

    @contextmanager
    def paused(self) -> Generator[None]:
        """Remove the line while another line is printed."""
        self.clear()
        yield

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            print_in_place("")


def line(done: int, total: int | None, seconds: float) -> str:
    """Return the text of the line: `120 of 5000, 40/s, 2 min left`."""
    rate = done / seconds if seconds > 0 else 0.0
    words = [f"{done} of {total}" if total is not None else str(done), f"{rate:.0f}/s"]
    if total is not None and rate:
        words.append(f"{format_duration(max(0, total - done) / rate)} left")
    return ", ".join(words)


def is_terminal() -> bool:
    """Return whether stderr is a terminal, on which a line can be rewritten."""
    with suppress(AttributeError, ValueError):  # it was closed at the start
        return sys.stderr.isatty()
    return False
