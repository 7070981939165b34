"""Rate limits as Trakt has them, with `--rate-limits trakt`.

The sign-in endpoints count as better-auth does (measured on 1.6.33): counting begins anew where a request comes more
than the window after the last one that was let in; it is no sliding window, so with 20 in 60 s the 21st of one every
3.2 s is refused. They count each by itself, by address.

The API counts in fixed windows, all its addresses together: reads and writes each by the person whose token came,
however many tokens they have. Whoever sends none that is alive is nobody: their reads count by app and address, and
their writes come to nothing and have no limit.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.buckets import Limit
from traktauth.server.endpoints.api import fault_of, found_by
from traktauth.server.http.answers import Answer
from traktauth.server.http.heard import bearer_in
from traktauth.server.timeline import Failed

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from traktauth.server.front import Direct
    from traktauth.server.realm import Realm
    from traktauth.server.storage.tables import Tables

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
READING = ("GET", "HEAD")


class Asking(NamedTuple):
    """Who asks the API: the person of a living token, else nobody (0), through an app (0: none that is known)."""

    person: int
    app: int


def limited(path: str, direct: Direct, realm: Realm) -> Direct:
    """Put the limit of a path in front of what answers there."""
    gap = GAPS.get(path)
    if gap is None:
        return _limited_at_api(direct, realm)

    async def answered(scope: Scope, receive: Receive) -> Answer:
        wait = realm.buckets.gap(f"{path} {_address(scope)}", gap, now=realm.clock())
        return _noted(realm, scope, too_many_at_sign_in(wait)) if wait > 0 else await direct(scope, receive)

    return answered


def _limited_at_api(direct: Direct, realm: Realm) -> Direct:
    async def answered(scope: Scope, receive: Receive) -> Answer:
        reads = scope["method"] in READING
        asking = await _asking(realm, scope)
        if not asking.person and not reads:
            return await direct(scope, receive)
        limit = READS if reads else WRITES
        name = f"{'AUTHED' if asking.person else 'UNAUTHED'}_API_{'GET' if reads else 'POST'}_LIMIT"
        who = str(asking.person) if asking.person else f"{asking.app} {_address(scope)}"
        now = realm.clock()
        wait = realm.buckets.window(f"{name} {who}", limit, now=now)
        if wait <= 0:
            return await direct(scope, receive)
        return _noted(realm, scope, too_many_at_api(name, limit, wait, now))

    return answered


def _noted(realm: Realm, scope: Scope, refused: Answer) -> Answer:
    """Note in the timeline what was not even read."""
    realm.timeline.add(realm.clock(), scope["method"], scope["path"]).outcome = Failed(
        f"{refused.status}, a rate limit"
    )
    return refused


async def _asking(realm: Realm, scope: Scope) -> Asking:
    """Say who asks.

    Raises:
        StorageDown: the database is gone.
    """
    fields = {name: value.decode("latin-1") for name, value in scope["headers"]}
    token, now = bearer_in(fields.get(b"authorization", "")), realm.clock()

    def look(tables: Tables) -> Asking:
        pair, person = found_by(tables, token)
        alive = person is not None and not fault_of(pair, person, now=now)
        app = tables.apps.named(fields.get(b"trakt-api-key", ""))
        return Asking(person.id if person and alive else 0, app.id if app else 0)

    return await realm.storage.read(look)


def _address(scope: Scope) -> str:
    address: str = (scope.get("client") or ("", 0))[0]
    return address


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
