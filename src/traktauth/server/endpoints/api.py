"""A little of Trakt's API behind the token: enough to see whether it works."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from traktauth.server.attempt import Spoken
from traktauth.server.doors.rails import challenge
from traktauth.server.endpoints.protocol import unavailable
from traktauth.server.finding import pair_of_access
from traktauth.server.http.answers import Answer, in_json
from traktauth.server.http.heard import Heard, TooLarge, hear
from traktauth.server.refusals import Refusal, Unwritten
from traktauth.server.rotation.until_used import first_used
from traktauth.server.storage.base import StorageDown
from traktauth.server.timeline import Known

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope

    from traktauth.server.front import Direct
    from traktauth.server.realm import Realm
    from traktauth.server.storage.records import Pair, Person
    from traktauth.server.storage.tables import Tables

LARGEST_WRITE = 1024 * 1024


def behind_token(
    realm: Realm, method: str, describe: Callable[[Person], dict[str, Any]], *, status: int = 200
) -> Direct:
    """Make an address of the API that describes the token's user."""

    async def described(scope: Scope, receive: Receive) -> Answer:
        if scope["method"] not in (method, "HEAD" if method == "GET" else method):
            return Answer(405, b"", {"allow": method})
        heard = await hear(scope, receive, largest=LARGEST_WRITE)
        said = Spoken({}, "", "", bearer=heard.bearer)
        entry = realm.timeline.add(realm.clock(), heard.method, heard.path, said)
        try:
            person = await user_of(realm, heard)
        except Exception as error:
            entry.failed(error)
            raise
        entry.outcome = Known(status, person.username)
        return in_json(status, describe(person), {"cache-control": "private, no-store"})

    async def answered(scope: Scope, receive: Receive) -> Answer:
        try:
            return await described(scope, receive)
        except Refusal as refusal:
            headers = {"www-authenticate": challenge(refusal, "Trakt"), "cache-control": "no-store"}
            return Answer(refusal.status, b"", headers)
        except Unwritten as plain:
            return Answer(plain.status, b"Forbidden", {"content-type": "text/plain; charset=utf-8"})
        except TooLarge:
            return in_json(413, {"error": "the request is too large"})
        except StorageDown:
            return unavailable()

    return answered


async def user_of(realm: Realm, heard: Heard) -> Person:
    """Give the user that a request's token belongs to.

    Raises:
        Unwritten: the field trakt-api-key names no app.
        Refusal: the token is unknown, revoked or expired, or belongs to no user.
    """
    now = realm.clock()

    def look(tables: Tables) -> tuple[Pair | None, Person | None]:
        if tables.apps.named(heard.headers.get("trakt-api-key", "")) is None:
            raise Unwritten(403)
        return found_by(tables, heard.bearer)

    pair, person = await realm.storage.read(look)
    if pair is not None and pair.parent is not None:
        used = pair
        await realm.storage.write(lambda tables: first_used(tables, used, realm.terms))
    fault = fault_of(pair, person, now=now)
    if fault or person is None:
        raise Refusal(401, "invalid_token", f"The access token {fault}")
    return person


def found_by(tables: Tables, token: str) -> tuple[Pair | None, Person | None]:
    """Give what an access token belongs to, alive or not."""
    pair = pair_of_access(tables, token)
    return pair, tables.people.numbered(pair.person) if pair else None


def fault_of(pair: Pair | None, person: Person | None, *, now: float) -> str:
    """Say what is wrong with a token, empty where nothing is."""
    if pair is None or person is None:
        return "is invalid"
    if pair.access_ended:
        return "was revoked"
    return "expired" if pair.access_expires <= now else ""


def settings_of(person: Person) -> dict[str, Any]:
    """Trakt: *Retrieve settings*, as far as a client that has just signed in looks."""
    return {
        "user": profile_of(person),
        "account": {"timezone": "UTC", "date_format": "mdy", "time_24hr": False},
        "connections": {},
        "sharing_text": {},
        "limits": {},
    }


def profile_of(person: Person) -> dict[str, Any]:
    """Trakt: *Get user profile*."""
    joined = datetime.fromtimestamp(person.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "username": person.username,
        "private": False,
        "name": person.username,
        "vip": False,
        "vip_ep": False,
        "ids": {"slug": person.username},
        "joined_at": joined,
    }


def nothing_added(person: Person) -> dict[str, Any]:  # noqa: ARG001 - as others describe
    """Trakt: *Add items to watched history*, of which none is kept."""
    return {
        "added": {"movies": 0, "episodes": 0},
        "not_found": {"movies": [], "shows": [], "seasons": [], "episodes": []},
    }
