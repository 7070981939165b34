"""What a run needs and no request could make fast enough: codes, access tokens, a database full of tokens.

All of it is written through the server's own tables, into the database that the server has open.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from pathlib import Path

from traktauth.server.attempt import Attempt, Spoken
from traktauth.server.doors.trakt import CHALLENGE
from traktauth.server.grants.issue import Holder, issue
from traktauth.server.profiles import PROFILES
from traktauth.server.realm import terms_of
from traktauth.server.settings import Settings
from traktauth.server.storage.postgres.storage import Postgres
from traktauth.server.storage.records import Code
from traktauth.server.storage.sqlite import SqliteFile
from traktauth.server.strings import fresh

CHUNK = 5000
PEOPLE = 1000


class Supply:
    """Writes into the database of a local Trakt, for the app *client_id*."""

    def __init__(self, database: str, profile: str, client_id: str, redirect: str) -> None:
        self.database, self.client_id, self.redirect = database, client_id, redirect
        self.sessions: dict[int, int] = {}
        self.current = profile == "current"
        self.terms = terms_of(Settings(profile=profile), PROFILES[profile], "http://127.0.0.1")

    def codes(self, count: int) -> list[str]:
        """Give authorization codes as a sign-in through Trakt's page makes them, in that order."""
        return self._in_chunks(count, self._code)

    def access_tokens(self, count: int) -> list[str]:
        made = self._in_chunks(count, lambda tables, at: self._pair(tables, at % PEOPLE).access_token)
        random.shuffle(made)
        return made

    def refresh_tokens(self, count: int) -> list[str]:
        """Give refresh tokens, each of a person of its own."""
        return self._in_chunks(count, lambda tables, at: self._pair(tables, at).refresh_token)

    def _in_chunks(self, count: int, make) -> list[str]:
        if self.database.startswith("postgresql:"):
            return asyncio.run(self._side_by_side(count, make))
        made: list[str] = []
        with contextlib.closing(SqliteFile(Path(self.database.removeprefix("sqlite:")), list)) as storage:
            while len(made) < count:
                numbers = range(len(made), min(len(made) + CHUNK, count))
                made += storage.at_once(lambda tables, numbers=numbers: [make(tables, at) for at in numbers])
        return made

    async def _side_by_side(self, count: int, make) -> list[str]:
        """Write as the server does: each by itself, what waits together, so that no round trip is waited for alone."""
        made: list[str] = []
        with contextlib.closing(Postgres(self.database, list)) as storage:
            while len(made) < count:
                numbers = range(len(made), min(len(made) + CHUNK, count))
                made += await asyncio.gather(*(
                    storage.write(lambda tables, at=at: make(tables, at)) for at in numbers
                ))  # fmt: skip
        return made

    def _pair(self, tables, at: int):
        app = tables.apps.named(self.client_id)
        person = tables.people.named_or_made(f"supply-{at}", now=time.time())
        attempt = Attempt(Spoken({}, "", ""), tables, self.terms, time.time())
        return issue(attempt, Holder(app.id, person.id, None, self.terms.default_scope, renewable=True))[1]

    def _code(self, tables, at: int) -> str:
        now = time.time()
        app = tables.apps.named(self.client_id)
        person = tables.people.named_or_made(f"supply-{at % PEOPLE}", now=now)
        session = self.sessions.get(person.id)
        if session is None:
            session = self.sessions[person.id] = tables.people.sign_in(
                person.id, digest=fresh().hash, now=now, life=86400
            )
        secret = fresh()
        challenge, method = (CHALLENGE, "S256") if self.current else ("", "")
        code = Code(
            0, secret.hash, app.id, person.id, session, self.redirect, self.terms.default_scope, challenge, method,
            "", now + 86400, spent=False, pair=None,
        )  # fmt: skip
        return secret.carried(tables.codes.add(code))
