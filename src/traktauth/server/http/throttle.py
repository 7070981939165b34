"""Counters: throttles of guesses, and the counts behind Trakt's rate limits."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from functools import lru_cache
from typing import NamedTuple

MAX_KEYS = 10_000
"""Keys remembered; the oldest make room for new ones."""
KEY_CHARACTERS = 200
MAX_COUNTERS = 50_000
"""Counters remembered; the oldest make room for new ones."""


class Throttle:
    """Counts failures by key; *limit* failures in *seconds* are forgiven."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, key: str, *, now: float) -> float:
        """Return the seconds until *key* may be tried again, 0 if it may now."""
        recent = self._recent(key, now)
        return recent[0] + self._seconds - now if len(recent) >= self._limit else 0.0

    def count(self, key: str, *, now: float) -> None:
        """Count a failure."""
        recent = self._recent(key, now)
        self._failures.pop(key[:KEY_CHARACTERS], None)
        self._failures[key[:KEY_CHARACTERS]] = [*recent, now][-self._limit :]
        if len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Forget the failures of *key*."""
        self._failures.pop(key[:KEY_CHARACTERS], None)

    def clear(self) -> None:
        """Forget all failures."""
        self._failures.clear()

    def _recent(self, key: str, now: float) -> list[float]:
        return [at for at in self._failures.get(key[:KEY_CHARACTERS], ()) if 0 <= now - at < self._seconds]


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """Return what an address is counted by: loopback is one, and so are the addresses that an IPv6 host may take."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return "loopback"
    return str(found if isinstance(found, ipaddress.IPv4Address) else ipaddress.ip_network((found, 64), strict=False))


class Limit(NamedTuple):
    """So many requests in so many seconds, from the first one, or with `is_idle` from the last one that was let in."""

    requests: int
    seconds: int
    is_idle: bool = False


class Count(NamedTuple):
    """How many requests were let in, and since when, or when last."""

    requests: int
    at: float


class Counters:
    """Counters by key; a counter starts again if the clock was moved back behind it."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, Count] = OrderedDict()

    def wait(self, key: str, limit: Limit, *, now: float) -> float:
        """Count a request; return 0 if it passes, else the seconds until its window ends."""
        count = self._counts.get(key, Count(0, now))
        passed = now - count.at
        if passed < 0 or passed > limit.seconds or (passed == limit.seconds and not limit.is_idle):
            count = Count(0, now)
        elif count.requests >= limit.requests:
            return limit.seconds - passed
        self._counts[key] = Count(count.requests + 1, now if limit.is_idle else count.at)
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_COUNTERS:
            self._counts.popitem(last=False)
        return 0.0

    def clear(self) -> None:
        """Remove all counters."""
        self._counts.clear()
