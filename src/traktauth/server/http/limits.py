"""Throttles of guesses, and rate limits as Trakt has them, with `--rate-limits trakt`.

Passwords, user codes (RFC 8628 section 5.1) and the key of the control API may be guessed a few times a minute.

The sign-in endpoints count as better-auth does (measured on 1.6.33): counting begins anew where a request comes more
than the window after the last one that was let in; it is not a sliding window, so with 20 in 60 s the 21st of one every
3.2 s is refused. They count each by itself, by address.

The API counts in fixed windows, all its addresses together: reads and writes each by the user whose token came,
however many tokens they have. Without a valid token, reads count by app and address, and
writes fail and have no limit.
"""

from __future__ import annotations

import ipaddress
import json
import math
from collections import OrderedDict
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.http.api import find_token, problem_of
from traktauth.server.http.exchange import APP
from traktauth.server.messages import HttpResponse, bearer_token

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from traktauth.server.http.context import ServerContext
    from traktauth.server.http.exchange import Exchange
    from traktauth.server.messages import Handler
    from traktauth.server.storage.repositories import Repositories

MAX_KEYS = 10_000
"""Keys remembered; the oldest make room for new ones."""
KEY_CHARACTERS = 200
MAX_COUNTERS = 50_000
"""Counters remembered; the oldest make room for new ones."""
READING = ("GET", "HEAD")


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
    return str(found) if found.version == 4 else str(ipaddress.ip_network((int(found), 64), strict=False))  # noqa: PLR2004 - IPv4


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


SIGN_IN_LIMITS = {
    f"{base}/{name}": Limit(requests, seconds, is_idle=True)
    for name, (requests, seconds) in {
        "token": (20, 60), "revoke": (30, 60), "introspect": (100, 60), "userinfo": (60, 60),
        "device/code": (100, 10), "device/token": (100, 10),
    }.items()
    for base in ("/oauth", "/api/auth" if name.startswith("device") else "/api/auth/oauth2")
}  # fmt: skip
READS = Limit(500, 300)
WRITES = Limit(1, 1)


class Caller(NamedTuple):
    """Who asks the API: the user of a valid token (0 without one) and the app (0 if it is unknown)."""

    user: int
    app: int


def rate_limited(path: str, direct: Handler, context: ServerContext) -> Handler:
    """Wrap an endpoint in the rate limit of its path."""
    limit = SIGN_IN_LIMITS.get(path)
    if limit is None:
        return _limit_api(direct, context)

    async def respond(scope: Scope, receive: Receive) -> HttpResponse:
        wait = context.counters.wait(f"{path} {_address(scope)}", limit, now=context.clock())
        return _refuse(scope, too_many_at_sign_in(wait)) if wait > 0 else await direct(scope, receive)

    return respond


def _limit_api(direct: Handler, context: ServerContext) -> Handler:
    async def respond(scope: Scope, receive: Receive) -> HttpResponse:
        reads = scope["method"] in READING
        caller = _caller_of(context, scope)
        if not caller.user and not reads:
            return await direct(scope, receive)
        limit = READS if reads else WRITES
        name = f"{'AUTHED' if caller.user else 'UNAUTHED'}_API_{'GET' if reads else 'POST'}_LIMIT"
        who = str(caller.user) if caller.user else f"{caller.app} {_address(scope)}"
        now = context.clock()
        wait = context.counters.wait(f"{name} {who}", limit, now=now)
        if wait <= 0:
            return await direct(scope, receive)
        return _refuse(scope, too_many_at_api(name, limit, wait, now))

    return respond


def _refuse(scope: Scope, refused: HttpResponse) -> HttpResponse:
    """Record that a request was refused unread."""
    exchange: Exchange = scope["exchange"]
    exchange.source, exchange.failure = APP, f"{refused.status}, a rate limit"
    return refused


def _caller_of(context: ServerContext, scope: Scope) -> Caller:
    """Return who sends a request.

    Raises:
        StorageUnavailable: the database is gone.
    """
    fields = {name: value.decode("latin-1") for name, value in scope["headers"]}
    token, now = bearer_token(fields.get(b"authorization", "")), context.clock()

    def look(db: Repositories) -> Caller:
        pair, user = find_token(db, token)
        alive = user is not None and not problem_of(pair, user, now=now)
        app = db.clients.by_client_id(fields.get(b"trakt-api-key", ""))
        return Caller(user.id if user and alive else 0, app.id if app else 0)

    return context.database.read(look)


def _address(scope: Scope) -> str:
    address: str = (scope.get("client") or ("", 0))[0]
    return address


def too_many_at_sign_in(wait: float) -> HttpResponse:
    """Refuse as better-auth does: JSON called text, and `X-Retry-After` alone."""
    body = b'{"message":"Too many requests. Please try again later."}'
    headers = {"content-type": "text/plain;charset=UTF-8", "x-retry-after": str(math.ceil(wait))}
    return HttpResponse(429, body, headers)


def too_many_at_api(name: str, limit: Limit, wait: float, now: float) -> HttpResponse:
    """Refuse as Trakt's API does: `Retry-After`, `X-Ratelimit`, and a sentence."""
    seconds = math.ceil(wait)
    until = datetime.fromtimestamp(now + wait, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    details = {"name": name, "period": limit.seconds, "limit": limit.requests, "remaining": 0, "until": until}
    text = f"{name} rate limit exceeded. Please wait {seconds} seconds then retry your request."
    headers = {"retry-after": str(seconds), "x-ratelimit": json.dumps(details, separators=(",", ":"))}
    return HttpResponse(429, text.encode(), {"content-type": "text/plain; charset=utf-8", **headers})
