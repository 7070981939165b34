"""Durations in words."""

from __future__ import annotations

UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def format_duration(seconds: int) -> str:
    """Return a duration in the largest unit without a remainder: `ten minutes`, `90 seconds`."""
    unit, size = next((unit, size) for unit, size in UNITS if seconds % size == 0)
    count = seconds // size
    number = NUMBERS[count - 1] if 0 < count <= len(NUMBERS) else str(count)
    return f"{number} {unit}{'' if count == 1 else 's'}"
