"""Rate limits as Trakt has them, with `--rate-limits trakt`.

The sign-in endpoints count as better-auth does (measured on 1.6.33): counting begins anew where a request comes more
than the window after the last one that was let in; it is no sliding window, so with 20 in 60 s the 21st of one every
3.2 s is refused. The API counts in fixed windows: reads by user, or by app and address without a token, writes one a
second by user.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.http.answers import Answer

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from traktauth.server.clock import Clock
    from traktauth.server.front import Direct

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


GAPS = {
    "/oauth/token": Limit(20, 60),
    "/oauth/revoke": Limit(30, 60),
    "/oauth/introspect": Limit(100, 60),
    "/oauth/userinfo": Limit(60, 60),
    "/oauth/device/code": Limit(100, 10),
    "/oauth/device/token": Limit(100, 10),
    "/api/auth/oauth2/token": Limit(20, 60),
    "/api/auth/oauth2/revoke": Limit(30, 60),
    "/api/auth/oauth2/introspect": Limit(100, 60),
    "/api/auth/oauth2/userinfo": Limit(60, 60),
    "/api/auth/device/code": Limit(100, 10),
    "/api/auth/device/token": Limit(100, 10),
}
READS = Limit(500, 300)
WRITES = Limit(1, 1)


class Buckets:
    """Counters by key, on the server's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def gap(self, key: str, limit: Limit) -> float:
        """Count a request; give 0 where it is let in, else the seconds until the window after the last one is over."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None or now - bucket.at > limit.seconds:
            self._keep(key, Bucket(1, now))
        elif bucket.requests >= limit.requests:
            return limit.seconds - (now - bucket.at)
        else:
            self._keep(key, Bucket(bucket.requests + 1, now))
        return 0.0

    def window(self, key: str, limit: Limit) -> float:
        """Count a request; give 0 where it is let in, else the seconds until its window is over."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None or now - bucket.at >= limit.seconds:
            self._keep(key, Bucket(1, now))
        elif bucket.requests >= limit.requests:
            return limit.seconds - (now - bucket.at)
        else:
            self._keep(key, Bucket(bucket.requests + 1, bucket.at))
        return 0.0

    def _keep(self, key: str, bucket: Bucket) -> None:
        self._buckets[key] = bucket
        self._buckets.move_to_end(key)
        while len(self._buckets) > LARGEST:
            self._buckets.popitem(last=False)


def limited(path: str, direct: Direct, clock: Clock) -> Direct:
    """Put the limit of a path in front of what answers there."""
    buckets, gap = Buckets(clock), GAPS.get(path)

    async def answered(scope: Scope, receive: Receive) -> Answer:
        client = (scope.get("client") or ("", 0))[0]
        if gap is not None:
            wait = buckets.gap(client, gap)
            return too_many_at_sign_in(wait) if wait > 0 else await direct(scope, receive)
        fields = dict(scope["headers"])
        token = fields.get(b"authorization", b"")
        who = token or fields.get(b"trakt-api-key", b"") + client.encode()
        writes = scope["method"] not in ("GET", "HEAD")
        limit = WRITES if writes else READS
        wait = buckets.window(f"{writes} {who.hex()}", limit)
        name = f"{'AUTHED' if token else 'UNAUTHED'}_API_{'POST' if writes else 'GET'}_LIMIT"
        return too_many_at_api(name, limit, wait, clock()) if wait > 0 else await direct(scope, receive)

    return answered


def too_many_at_sign_in(wait: float) -> Answer:
    """Refuse as better-auth does: JSON called text, and `X-Retry-After` alone."""
    body = b'{"message":"Too many requests. Please try again later."}'
    headers = {"content-type": "text/plain;charset=UTF-8", "x-retry-after": str(math.ceil(wait))}
    return Answer(429, body, headers)


def too_many_at_api(name: str, limit: Limit, wait: float, now: float) -> Answer:
    """Refuse as Trakt's API does: `Retry-After`, `X-Ratelimit`, and a sentence."""
    seconds = math.ceil(wait)
    until = datetime.fromtimestamp(now + wait, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"name": name, "period": limit.seconds, "limit": limit.requests, "remaining": 0, "until": until}
    text = f"{name} rate limit exceeded. Please wait {seconds} seconds then retry your request."
    headers = {"retry-after": str(seconds), "x-ratelimit": json.dumps(told, separators=(",", ":"))}
    return Answer(429, text.encode(), {"content-type": "text/plain; charset=utf-8", **headers})
