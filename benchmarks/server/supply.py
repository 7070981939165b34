"""What a run needs and no request could make fast enough: codes, access tokens, a database full of tokens.

All of it is written through the server's own tables, into the database that the server has open.
"""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

from traktauth.server.config.settings import Settings
from traktauth.server.context import make_policy
from traktauth.server.engines.profiles import PROFILES
from traktauth.server.oauth.pkce import TRAKT_CHALLENGE
from traktauth.server.storage.models import Code
from traktauth.server.storage.postgres.storage import PostgresStorage
from traktauth.server.storage.sqlite import SqliteFile
from traktauth.server.tokens import generate_token

CHUNK = 5000
PEOPLE = 1000


class Supply:
    """Writes into the database of a local Trakt, for the app *client_id*."""

    def __init__(self, database: str, profile: str, client_id: str, redirect: str) -> None:
        self.database, self.client_id, self.redirect = database, client_id, redirect
        self.sessions: dict[int, int] = {}
        self.current = profile == "current"
        self.policy = make_policy(Settings(profile=profile), PROFILES[profile], "http://127.0.0.1")

    def codes(self, count: int) -> list[str]:
        """Give authorization codes as a sign-in through Trakt's page makes them, in that order."""
        return self._in_chunks(count, self._code)

    def access_tokens(self, count: int) -> list[str]:
        made = self._in_chunks(count, lambda db, at: self._pair(db, at % PEOPLE).access_token)
        random.shuffle(made)
        return made

    def refresh_tokens(self, count: int) -> list[str]:
        """Give refresh tokens, each of a user of its own."""
        return self._in_chunks(count, lambda db, at: self._pair(db, at).refresh_token)

    def _in_chunks(self, count: int, make) -> list[str]:
        made: list[str] = []
        if self.database.startswith("postgresql:"):
            opened = PostgresStorage(self.database, list)
        else:
            opened = SqliteFile(Path(self.database.removeprefix("sqlite:")), list)
        with contextlib.closing(opened) as storage:
            while len(made) < count:
                numbers = range(len(made), min(len(made) + CHUNK, count))
                made += storage.run_sync(lambda db, numbers=numbers: [make(db, at) for at in numbers])
        return made

    def _pair(self, db, at: int):
        client = db.clients.by_client_id(self.client_id)
        user = db.users.get_or_create(f"supply-{at}", now=time.time())
        policy = self.policy
        return db.tokens.issue(
            policy.lifetimes, now=time.time(), client=client.id, user=user.id, scope=policy.default_scope
        )

    def _code(self, db, at: int) -> str:
        now = time.time()
        client = db.clients.by_client_id(self.client_id)
        user = db.users.get_or_create(f"supply-{at % PEOPLE}", now=now)
        session = self.sessions.get(user.id)
        if session is None:
            session = self.sessions[user.id] = db.users.create_session(
                user.id, digest=generate_token().hash, now=now, life=86400
            )
        secret = generate_token()
        challenge, method = (TRAKT_CHALLENGE, "S256") if self.current else ("", "")
        code = Code(
            0, secret.hash, client.id, user.id, session, self.redirect, self.policy.default_scope, challenge, method,
            "", now + 86400, spent=False, pair=None,
        )  # fmt: skip
        return secret.with_row_id(db.codes.add(code))
