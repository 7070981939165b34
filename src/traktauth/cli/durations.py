"""Times: as an option takes them, and as a person reads them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import click

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

_SOON = 600.0


class _Life(click.ParamType[float]):
    """Seconds, not negative and finite."""

    name = "seconds"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(str(value))
        except ValueError:
            seconds = -1.0
        if not math.isfinite(seconds) or seconds < 0:
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds


LIFE = _Life()


def in_words(seconds: float) -> str:
    """Return a duration in its two largest units: `6 d 23 h`."""
    left = max(0, int(seconds))
    words: list[str] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or words:
            words.append(f"{count} {unit}")
        if len(words) == 2:  # noqa: PLR2004 - two units tell enough
            break
    return " ".join(word for word in words if not word.startswith("0 ")) or "0 s"


def moment(at: float, *, exact: bool = False) -> str:
    """Return a moment in this machine's own time zone: `2026-12-01 09:12`, or with its seconds too."""
    try:
        local = datetime.fromtimestamp(at, UTC).astimezone()
        return local.strftime("%Y-%m-%d %H:%M:%S" if exact else "%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "a date that no calendar has"


def until(at: float, now: float) -> str:
    """Return a moment to come, with the time left: `2026-12-01 09:12 (6 d 23 h)`."""
    return f"{moment(at, exact=at - now < _SOON)} ({in_words(at - now)})"
