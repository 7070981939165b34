"""Put tokens, apps and the clock into states that no OAuth request can reach; read the metrics."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

from traktauth.server.control.call_body import ControlError, require_number, require_text
from traktauth.server.http.faults import read_faults
from traktauth.server.http.request_log import MOST_CREATED, TokensCreated
from traktauth.server.messages import as_list
from traktauth.server.oauth.request import ClientRequest

if TYPE_CHECKING:
    from traktauth.server.http.context import ServerContext
    from traktauth.server.storage.models import Client
    from traktauth.server.storage.repositories import Repositories
    from traktauth.server.tokens import IssuedTokens

LARGEST_COUNT = 1_000_000
CHUNK = 100
"""Sign-ins made in one transaction; other requests are served between two."""


async def tokens(context: ServerContext, members: dict[str, Any]) -> dict[str, Any]:
    """Sign in *count* times.

    Raises:
        ControlError: the app is unknown, or the count makes no sense.
    """
    client_id, count = require_text(members, "client_id"), int(require_number(members, "count"))
    username = require_text(members, "username") if members.get("username") is not None else None
    if not 1 <= count <= LARGEST_COUNT:
        raise ControlError(f'"count" must be 1 to {LARGEST_COUNT}')
    app = await app_named(context, client_id)
    made: list[tuple[IssuedTokens, str]] = []
    while len(made) < count:
        size = min(CHUNK, count - len(made))
        made += context.database.write(partial(_sign_ins, context, app, username, size))
        await asyncio.sleep(0)
    kept = tuple(issued for issued, _ in made[-MOST_CREATED:])
    call = ClientRequest({"client_id": client_id}, "", "")
    context.request_log.add(context.clock(), "POST", "/_control/tokens", call).finish(TokensCreated(count, kept))
    return {
        "tokens": [
            {
                "access_token": issued.access_token,
                "refresh_token": issued.refresh_token,
                "expires_in": issued.expires_in,
                "created_at": issued.created_at,
                "username": name,
            }
            for issued, name in made
        ]
    }


def _sign_ins(
    context: ServerContext, app: Client, username: str | None, count: int, db: Repositories
) -> list[tuple[IssuedTokens, str]]:
    made: list[tuple[IssuedTokens, str]] = []
    scope = context.policy.default_scope
    for _ in range(count):
        now = context.clock()
        user = db.users.get_or_create(username or f"user-{secrets.token_hex(6)}", now=now)
        issued = db.tokens.issue(context.policy.lifetimes, now=now, client=app.id, user=user.id, scope=scope)
        made.append((issued, user.username))
    return made


async def app_named(context: ServerContext, client_id: str) -> Client:
    """Return an app.

    Raises:
        ControlError: the client id is unknown.
    """
    app = context.database.read(lambda db: db.clients.by_client_id(client_id))
    if app is None:
        raise ControlError("no app has this client_id", status=404)
    return app


async def clock(context: ServerContext, members: dict[str, Any]) -> dict[str, Any]:
    """Move the clock forward or back, or look at it (0 seconds).

    Raises:
        ControlError: `advance` is missing, or goes further than the clock does.
    """
    try:
        return {"now": context.clock.advance(require_number(members, "advance"))}
    except ValueError as error:
        raise ControlError(str(error)) from error


async def read_clock(context: ServerContext, members: object) -> dict[str, Any]:  # noqa: ARG001 - as every call is made
    """Return the time."""
    return {"now": context.clock()}


async def expire(context: ServerContext, members: dict[str, Any]) -> dict[str, Any]:
    """Expire one code or token now.

    Raises:
        ControlError: the kind or the value is unknown.
    """
    kind, value = require_text(members, "kind"), require_text(members, "value")
    if kind not in ("code", "access", "refresh", "device"):
        raise ControlError('"kind" must be code, access, refresh or device')
    if not context.database.write(lambda db: _expire(db, kind, value, now=context.clock())):
        raise ControlError(f"no such {kind}", status=404)
    return {"expired": kind}


def _expire(db: Repositories, kind: str, value: str, *, now: float) -> bool:
    if kind == "code":
        code = db.codes.find(value)
        if code is not None:
            db.codes.expire(code.id, now=now)
        return code is not None
    if kind == "device":
        device = db.device_codes.find(value)
        if device is not None:
            db.device_codes.expire(device.id, now=now)
        return device is not None
    pair = db.tokens.by_access_token(value) if kind == "access" else db.tokens.by_refresh_token(value)
    if pair is not None:
        db.tokens.expire(pair.id, kind, now=now)
    return pair is not None


async def put_faults(context: ServerContext, members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON; as every call is made
    """Replace the waiting faults.

    Raises:
        ControlError: a fault is invalid.
    """
    try:
        context.faults[:] = read_faults(as_list(members), context.profile.oauth_paths)
    except ValueError as error:
        raise ControlError(str(error)) from error
    return {}


async def delete_faults(context: ServerContext, members: object) -> dict[str, Any]:  # noqa: ARG001 - as every call is made
    """Remove all faults."""
    context.faults.clear()
    return {}


async def revoke_consent(context: ServerContext, members: dict[str, Any]) -> dict[str, Any]:
    """Forget that anyone allowed an app anything; tokens live on."""
    app = await app_named(context, require_text(members, "client_id"))
    context.database.write(lambda db: db.clients.revoke_consent(app.id))
    return {}


async def disable_app(context: ServerContext, members: dict[str, Any]) -> dict[str, Any]:
    """Switch an app off or on.

    Raises:
        ControlError: the client id is unknown, or `disabled` is missing.
    """
    app, disabled = await app_named(context, require_text(members, "client_id")), members.get("disabled")
    if not isinstance(disabled, bool):
        raise ControlError('"disabled" is needed, true or false')
    context.database.write(lambda db: db.clients.set_disabled(app.client_id, disabled=disabled))
    return {}


async def ledger(context: ServerContext, members: object) -> dict[str, Any]:  # noqa: ARG001 - as every call is made
    """Return the metrics since the last reset, and how many tokens are valid."""
    alive = context.database.read(lambda db: db.tokens.count_active(now=context.clock()))
    return context.metrics.sums() | {"alive": alive}


async def reset(context: ServerContext, members: object) -> dict[str, Any]:  # noqa: ARG001 - as every call is made
    """Forget tokens, codes, faults, counts and wrong guesses, keep apps and users, put the clock back."""
    context.database.write(lambda db: db.maintenance.delete_tokens())
    context.metrics.reset()
    context.request_log.clear()
    context.faults.clear()
    for throttle in (context.passwords, context.user_codes, context.control_keys):
        throttle.clear()
    context.buckets.clear()
    context.clock.put_back()
    return {}
