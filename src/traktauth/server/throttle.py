"""Slow down guessing: of passwords and of user codes (RFC 8628 section 5.1)."""

from __future__ import annotations

from collections import OrderedDict

LARGEST = 10_000
"""Keys remembered; the oldest make room for new ones."""


class Throttle:
    """Counts failures by key; *limit* in *seconds* are forgiven."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, key: str, *, now: float) -> float:
        """Give the seconds until *key* may try again, 0 where it may now."""
        recent = [at for at in self._failures.get(key, []) if 0 <= now - at < self._seconds]
        return recent[0] + self._seconds - now if len(recent) >= self._limit else 0.0

    def failed(self, key: str, *, now: float) -> None:
        """Count a failure."""
        recent = [at for at in self._failures.pop(key, []) if 0 <= now - at < self._seconds]
        self._failures[key] = [*recent, now][-self._limit :]
        while len(self._failures) > LARGEST:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of *key*."""
        self._failures.pop(key, None)

    def clear(self) -> None:
        """Forget all failures."""
        self._failures.clear()
