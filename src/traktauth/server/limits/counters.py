"""Count requests by key, in the two ways that limits are counted here."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

LARGEST = 50_000
"""Counters remembered; the oldest make room for new ones."""


class Limit(NamedTuple):
    """So many requests in so many seconds."""

    requests: int
    seconds: int


class Counter(NamedTuple):
    """How many requests were let in, and since when, or when last."""

    requests: int
    at: float


class Counters:
    """Counters by key; a counter starts again if the clock was moved back behind it."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, Counter] = OrderedDict()

    def gap(self, key: str, limit: Limit, *, now: float) -> float:
        """Count a request; return 0 if it passes, else the seconds until the window after the last one ends."""
        bucket = self._buckets.get(key)
        if bucket is None or not 0 <= now - bucket.at <= limit.seconds:
            self._keep(key, Counter(1, now))
        elif bucket.requests >= limit.requests:
            return limit.seconds - (now - bucket.at)
        else:
            self._keep(key, Counter(bucket.requests + 1, now))
        return 0.0

    def window(self, key: str, limit: Limit, *, now: float) -> float:
        """Count a request; return 0 if it passes, else the seconds until its window ends."""
        bucket = self._buckets.get(key)
        if bucket is None or not 0 <= now - bucket.at < limit.seconds:
            self._keep(key, Counter(1, now))
        elif bucket.requests >= limit.requests:
            return limit.seconds - (now - bucket.at)
        else:
            self._keep(key, Counter(bucket.requests + 1, bucket.at))
        return 0.0

    def clear(self) -> None:
        """Remove all counters."""
        self._buckets.clear()

    def _keep(self, key: str, bucket: Counter) -> None:
        self._buckets[key] = bucket
        self._buckets.move_to_end(key)
        while len(self._buckets) > LARGEST:
            self._buckets.popitem(last=False)
