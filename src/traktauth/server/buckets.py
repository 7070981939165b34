"""Count requests by key, in the two ways that limits are counted here."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

LARGEST = 50_000
"""Buckets remembered; the oldest make room for new ones."""


class Limit(NamedTuple):
    """So many requests in so many seconds."""

    requests: int
    seconds: int


class Bucket(NamedTuple):
    """How many requests were let in, and since when, or when last."""

    requests: int
    at: float


class Buckets:
    """Counters by key; where the clock has gone back behind one, it begins anew."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def gap(self, key: str, limit: Limit, *, now: float) -> float:
        """Count a request; give 0 where it is let in, else the seconds until the window after the last one is over."""
        bucket = self._buckets.get(key)
        if bucket is None or not 0 <= now - bucket.at <= limit.seconds:
            self._keep(key, Bucket(1, now))
        elif bucket.requests >= limit.requests:
            return limit.seconds - (now - bucket.at)
        else:
            self._keep(key, Bucket(bucket.requests + 1, now))
        return 0.0

    def window(self, key: str, limit: Limit, *, now: float) -> float:
        """Count a request; give 0 where it is let in, else the seconds until its window is over."""
        bucket = self._buckets.get(key)
        if bucket is None or not 0 <= now - bucket.at < limit.seconds:
            self._keep(key, Bucket(1, now))
        elif bucket.requests >= limit.requests:
            return limit.seconds - (now - bucket.at)
        else:
            self._keep(key, Bucket(bucket.requests + 1, bucket.at))
        return 0.0

    def clear(self) -> None:
        """Forget all that was counted."""
        self._buckets.clear()

    def _keep(self, key: str, bucket: Bucket) -> None:
        self._buckets[key] = bucket
        self._buckets.move_to_end(key)
        while len(self._buckets) > LARGEST:
            self._buckets.popitem(last=False)
