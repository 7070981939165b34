"""Put tokens, apps and the clock into states that no OAuth request can reach, and look at what has happened."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

from traktauth.server.attempt import Attempt, Spoken
from traktauth.server.control.door import BadCall, number, text
from traktauth.server.faults import read_faults
from traktauth.server.finding import code_of, device_of, pair_of_access, pair_of_refresh
from traktauth.server.grants.issue import Holder, issue
from traktauth.server.http.encodings import items_of
from traktauth.server.strings import row_of
from traktauth.server.timeline import LENGTH, Made

if TYPE_CHECKING:
    from traktauth.server.realm import Realm
    from traktauth.server.storage.records import App
    from traktauth.server.storage.tables import Tables

LARGEST_COUNT = 1_000_000
CHUNK, PIECE = 500, 5
"""Sign-ins made at a time, so that others need not wait for all; and in one piece, as pieces go side by side."""


async def tokens(realm: Realm, said: dict[str, Any]) -> dict[str, Any]:
    """Sign in *count* times.

    Raises:
        BadCall: the app is unknown, or the count makes no sense.
    """
    client_id, count = text(said, "client_id"), int(number(said, "count"))
    username = text(said, "username") if said.get("username") is not None else None
    if not 1 <= count <= LARGEST_COUNT:
        raise BadCall(f'"count" must be 1 to {LARGEST_COUNT}')
    app = await app_named(realm, client_id)
    made: list[dict[str, Any]] = []
    while len(made) < count:
        left = min(CHUNK, count - len(made))
        sizes = [min(PIECE, left - begun) for begun in range(0, left, PIECE)]
        works = [partial(_sign_ins, realm, app, username, size) for size in sizes]
        for some in await asyncio.gather(*map(realm.storage.write, works)):
            made += some
    numbers = tuple(row_of(one["access_token"]) for one in made[-LENGTH:])
    call = Spoken({"client_id": client_id}, "", "")
    realm.timeline.add(realm.clock(), "POST", "/_control/tokens", call).outcome = Made(count, numbers)
    return {"tokens": made}


def _sign_ins(realm: Realm, app: App, username: str | None, count: int, tables: Tables) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    scope = realm.terms.default_scope
    for _ in range(count):
        person = tables.people.named_or_made(username or f"user-{secrets.token_hex(6)}", now=realm.clock())
        attempt = Attempt(Spoken({}, "", ""), tables, realm.terms, realm.clock())
        issued = issue(attempt, Holder(app.id, person.id, None, scope, renewable=True))[1]
        made.append({
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "expires_in": issued.expires_in,
            "username": person.username,
        })  # fmt: skip
    return made


async def app_named(realm: Realm, client_id: str) -> App:
    """Give an app.

    Raises:
        BadCall: there is none of that id.
    """
    app = await realm.storage.read(lambda tables: tables.apps.named(client_id))
    if app is None:
        raise BadCall("no app has this client_id", status=404)
    return app


async def clock(realm: Realm, said: dict[str, Any]) -> dict[str, Any]:
    """Move the clock forward or back, or look at it (0 seconds).

    Raises:
        BadCall: `advance` is missing, or goes further than the clock does.
    """
    try:
        return {"now": realm.clock.advance(number(said, "advance"))}
    except ValueError as error:
        raise BadCall(str(error)) from error


async def expire(realm: Realm, said: dict[str, Any]) -> dict[str, Any]:
    """Let one code or token expire now.

    Raises:
        BadCall: the kind is unknown, or there is no such thing.
    """
    kind, value = text(said, "kind"), text(said, "value")
    if kind not in ("code", "access", "refresh", "device"):
        raise BadCall('"kind" must be code, access, refresh or device')
    if not await realm.storage.write(lambda tables: _expired(tables, kind, value, now=realm.clock())):
        raise BadCall(f"there is no such {kind}", status=404)
    return {"expired": kind}


def _expired(tables: Tables, kind: str, value: str, *, now: float) -> bool:
    if kind == "code":
        code = code_of(tables, value)
        if code is not None:
            tables.codes.expire(code.id, now=now)
        return code is not None
    if kind == "device":
        device = device_of(tables, value)
        if device is not None:
            tables.devices.expire(device.id, now=now)
        return device is not None
    pair = pair_of_access(tables, value) if kind == "access" else pair_of_refresh(tables, value)
    if pair is not None:
        tables.pairs.expire(pair.id, now=now, access=kind == "access", refresh=kind == "refresh")
    return pair is not None


async def put_faults(realm: Realm, said: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON; as every call is made
    """Let these faults wait for their turn, and no others.

    Raises:
        BadCall: they are no faults.
    """
    try:
        realm.faults.replace(read_faults(items_of(said)))
    except ValueError as error:
        raise BadCall(str(error)) from error
    return {}


async def delete_faults(realm: Realm, said: object) -> dict[str, Any]:  # noqa: ARG001 - as every call is made
    """Let no fault wait."""
    realm.faults.clear()
    return {}


async def revoke_consent(realm: Realm, said: dict[str, Any]) -> dict[str, Any]:
    """Forget that anyone allowed an app anything; tokens live on."""
    app = await app_named(realm, text(said, "client_id"))
    await realm.storage.write(lambda tables: tables.apps.disallow(app.id))
    return {}


async def disable_app(realm: Realm, said: dict[str, Any]) -> dict[str, Any]:
    """Switch an app off or on.

    Raises:
        BadCall: there is none of that id, or `disabled` is missing.
    """
    app, disabled = await app_named(realm, text(said, "client_id")), said.get("disabled")
    if not isinstance(disabled, bool):
        raise BadCall('"disabled" is needed, true or false')
    await realm.storage.write(lambda tables: tables.apps.disable(app.client_id, disabled=disabled))
    return {}


async def ledger(realm: Realm, said: object) -> dict[str, Any]:  # noqa: ARG001 - as every call is made
    """Say what has happened since the last reset, and what lives."""
    alive = await realm.storage.read(lambda tables: tables.upkeep.alive(now=realm.clock()))
    return realm.ledger.sums() | {"alive": alive}


async def reset(realm: Realm, said: object) -> dict[str, Any]:  # noqa: ARG001 - as every call is made
    """Forget tokens, codes, faults, counts and wrong guesses, keep apps and users, put the clock back."""
    await realm.storage.write(lambda tables: tables.upkeep.forget_tokens())
    realm.ledger.reset()
    realm.timeline.clear()
    realm.faults.clear()
    realm.passwords.clear()
    realm.user_codes.clear()
    realm.proofs.clear()
    realm.buckets.clear()
    realm.clock.put_back()
    return {}
