"""Durations and dates as a user reads them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

_EXACT_WITHIN = 600.0  # seconds; a deadline this near is shown with its seconds


def format_duration(seconds: float) -> str:
    """Return a duration in its two largest units: `6 d 23 h`."""
    left, words = max(0, int(seconds)), list[str]()
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        words += [f"{count} {unit}"] if count or words else []
    return " ".join(word for word in words[:2] if not word.startswith("0 ")) or "0 s"


def format_time(at: float, *, exact: bool = False) -> str:
    """Return a Unix time in the local time zone: `2026-12-01 09:12`, with seconds if `exact`."""
    try:
        local = datetime.fromtimestamp(at, UTC).astimezone()
        return local.strftime("%Y-%m-%d %H:%M:%S" if exact else "%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "an invalid date"


def format_deadline(at: float, now: float) -> str:
    """Return a future Unix time with the time left: `2026-12-01 09:12 (6 d 23 h)`."""
    return f"{format_time(at, exact=at - now < _EXACT_WITHIN)} ({format_duration(at - now)})"
