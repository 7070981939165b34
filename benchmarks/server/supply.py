"""What a run needs and no request could make fast enough: codes, access tokens, a database full of tokens.

All of it is written through the server's own tables, into the database that the server has open.
"""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

import psycopg

from traktauth.server.settings import Settings
from traktauth.server.http.context import make_policy
from traktauth.server.engines.profiles import PROFILES
from traktauth.server.oauth.pkce import TRAKT_CHALLENGE
from traktauth.server.storage.models import Code
from traktauth.server.storage.postgres.storage import PostgresStorage
from traktauth.server.storage.sqlite import SqliteFile
from traktauth.server.tokens import generate_token, generate_token_pair

CHUNK = 5000
PEOPLE = 1000
TABLES = ("users", "families", "token_pairs")
LAST_ROWS = [f"(SELECT coalesce(max(id), 0) FROM {table})" for table in TABLES]
PAIR = (
    "id", "family", "epoch", "client", "user_id", "scope", "created", "access_hash", "access_lifetime",
    "access_expires", "refresh_hash", "refresh_expires",
)  # fmt: skip


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
        if self.database.startswith("postgresql:"):
            return self._copy(count)
        return self._in_chunks(count, lambda db, at: self._pair(db, at).refresh_token)

    def _copy(self, count: int) -> list[str]:
        """Write pairs by COPY: with statements of their own, each over the network, a million takes ten minutes."""
        lifetimes, scope, now, made = self.policy.lifetimes, self.policy.default_scope, time.time(), []
        refresh_expires = now + lifetimes.refresh if lifetimes.refresh else None
        with psycopg.connect(self.database) as connection, connection.cursor() as cursor:
            found = cursor.execute("SELECT id FROM clients WHERE client_id = %s", [self.client_id]).fetchone()
            last = cursor.execute(f"SELECT greatest({', '.join(LAST_ROWS)})").fetchone()
            rows = range(last[0] + 1, last[0] + 1 + count)
            with cursor.copy("COPY users (id, username, email, created) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row((row, f"supply-{row}", f"supply-{row}@example.test", now))
            with cursor.copy("COPY families (id, client, user_id, refreshable, epoch) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row((row, found[0], row, 1, 0))
            with cursor.copy(f"COPY token_pairs ({', '.join(PAIR)}) FROM STDIN") as copy:
                for row in rows:
                    access, refresh = generate_token_pair()
                    copy.write_row((
                        row, row, 0, found[0], row, scope, now, access.hash, lifetimes.access, now + lifetimes.access,
                        refresh.hash, refresh_expires,
                    ))  # fmt: skip
                    made.append(refresh.with_row_id(row))
            for table in TABLES:
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {rows[-1]})")
        return made

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
