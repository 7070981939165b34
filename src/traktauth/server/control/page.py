"""`/_control`: a page that shows the last requests, and for each token which it came from and what ended it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.control.door import admit, answering
from traktauth.server.http.answers import Answer
from traktauth.server.http.heard import hear
from traktauth.server.pages.rendering import page
from traktauth.server.timeline import Birth, births, line_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope

    from traktauth.server.realm import Realm
    from traktauth.server.storage.records import Pair
    from traktauth.server.storage.tables import Tables

SECONDS_BETWEEN_LOOKS = 2
MOST_LINES, MOST_PAIRS = 100, 50


class Life(NamedTuple):
    """A pair of tokens as the page shows it."""

    number: int
    whose: str
    source: str
    access: str
    refresh: str


def control_page(realm: Realm) -> ASGIApp:
    """Make the application behind the page."""

    async def answered(scope: Scope, receive: Receive) -> Answer:
        if scope["method"] not in ("GET", "HEAD"):
            return Answer(405, b"", {"allow": "GET"})
        heard = await hear(scope, receive)
        admit(realm, heard)
        live = b"pause" not in heard.query
        entries = realm.timeline.newest_first()
        lives = await realm.storage.read(lambda tables: lives_of(realm, tables, births(entries)[:MOST_PAIRS]))
        lines = [(_clock(line.at), line) for line in map(line_of, entries[:MOST_LINES])]
        shown = {"title": "Timeline", "person": None, "csrf": "", "lines": lines, "lives": lives}
        sums = realm.ledger.sums()
        times = {"now": _clock(realm.clock()), "again": SECONDS_BETWEEN_LOOKS, "live": live}
        answer = page("timeline", {**shown, "sums": sums, **times})
        if live:
            answer.headers["refresh"] = str(SECONDS_BETWEEN_LOOKS)
        return answer

    return answering(answered)


def lives_of(realm: Realm, tables: Tables, born: list[Birth]) -> list[Life]:
    """Say of pairs whose they are, where they came from, and how they ended."""
    found: list[Life] = []
    for birth in born:
        pair = tables.pairs.numbered(birth.number)
        if pair is not None:
            app, person = tables.apps.numbered(pair.app), tables.people.numbered(pair.person)
            whose = f"{person.username if person else 'nobody'} at {app.name if app else 'a deleted app'}"
            now = realm.clock()
            refresh = _state(pair, pair.refresh_ended, pair.refresh_expires, now=now) if pair.renewable else "none"
            access = _state(pair, pair.access_ended, pair.access_expires, now=now)
            found.append(Life(pair.id, whose, birth.source, access, refresh))
    return found


def _state(pair: Pair, ended: str | None, expires: float | None, *, now: float) -> str:
    if ended is not None:
        return ended
    if not pair.in_family:
        return "killed with its family"
    return "expired" if expires is not None and expires <= now else "alive"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
