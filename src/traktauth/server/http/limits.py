"""Rate limits as Trakt has them, with `--rate-limits trakt`.

The sign-in endpoints count as better-auth does (measured on 1.6.33): counting begins anew where a request comes more
than the window after the last one that was let in; it is not a sliding window, so with 20 in 60 s the 21st of one every
3.2 s is refused. They count each by itself, by address.

The API counts in fixed windows, all its addresses together: reads and writes each by the user whose token came,
however many tokens they have. Without a valid token, reads count by app and address, and
writes fail and have no limit.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from traktauth.server.http.api import find_token, problem_of
from traktauth.server.http.context import ServerContext
from traktauth.server.http.exchange import APP, Exchange
from traktauth.server.http.throttle import Limit
from traktauth.server.messages import Handler, address_of, bearer_token
from traktauth.server.storage.repositories import Repositories

READING = ("GET", "HEAD")
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

    async def respond(request: Request) -> Response:
        wait = context.counters.wait(f"{path} {address_of(request)}", limit, now=context.clock())
        return _refuse(request, too_many_at_sign_in(wait)) if wait > 0 else await direct(request)

    return respond


def _limit_api(direct: Handler, context: ServerContext) -> Handler:
    async def respond(request: Request) -> Response:
        reads = request.method in READING
        caller = _caller_of(context, request.headers)
        if not caller.user and not reads:
            return await direct(request)
        limit = READS if reads else WRITES
        name = f"{'AUTHED' if caller.user else 'UNAUTHED'}_API_{'GET' if reads else 'POST'}_LIMIT"
        who = str(caller.user) if caller.user else f"{caller.app} {address_of(request)}"
        now = context.clock()
        wait = context.counters.wait(f"{name} {who}", limit, now=now)
        if wait <= 0:
            return await direct(request)
        return _refuse(request, too_many_at_api(name, limit, wait, now))

    return respond


def _refuse(request: Request, refused: Response) -> Response:
    """Record that a request was refused unread."""
    exchange: Exchange = request.scope["exchange"]
    exchange.source, exchange.failure = APP, f"{refused.status_code}, a rate limit"
    return refused


def _caller_of(context: ServerContext, headers: Headers) -> Caller:
    """Return who sends a request."""
    token, now = bearer_token(headers), context.clock()

    def look(db: Repositories) -> Caller:
        pair, user = find_token(db, token)
        alive = user is not None and not problem_of(pair, user, now=now)
        app = db.clients.by_client_id(headers.get("trakt-api-key", ""))
        return Caller(user.id if user and alive else 0, app.id if app else 0)

    return context.database.read(look)


def too_many_at_sign_in(wait: float) -> Response:
    """Refuse as better-auth does: JSON called text, and `X-Retry-After` alone."""
    body = b'{"message":"Too many requests. Please try again later."}'
    headers = {"content-type": "text/plain;charset=UTF-8", "x-retry-after": str(math.ceil(wait))}
    return Response(body, 429, headers)


def too_many_at_api(name: str, limit: Limit, wait: float, now: float) -> Response:
    """Refuse as Trakt's API does: `Retry-After`, `X-Ratelimit`, and a sentence."""
    seconds = math.ceil(wait)
    until = datetime.fromtimestamp(now + wait, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    details = {"name": name, "period": limit.seconds, "limit": limit.requests, "remaining": 0, "until": until}
    text = f"{name} rate limit exceeded. Please wait {seconds} seconds then retry your request."
    headers = {"retry-after": str(seconds), "x-ratelimit": json.dumps(details, separators=(",", ":"))}
    return PlainTextResponse(text, 429, headers)
