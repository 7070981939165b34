"""The tables and their rows; a database stores the version of its format in `meta`.

Tokens, codes and session cookies are stored as SHA-256 and found by it. A family is revoked by raising one number in
its row.

Where other rows refer to a row that may be deleted (AUTOINCREMENT), its id is never used again: a token of a session
that has ended, or of a deleted client, does not become that of the next.

The rows are frozen values, with the fields in the order of the columns. Times are seconds since 1970 by the server's
clock. Fields named after another table hold a row id of it; `user_id` is called so as `user` is reserved in SQL.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from traktauth.server.errors import StorageUnavailable

TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE clients (
        id INTEGER PRIMARY KEY AUTOINCREMENT, client_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, secret TEXT,
        redirect_uris TEXT NOT NULL, confidential INTEGER NOT NULL, trusted INTEGER NOT NULL,
        require_pkce INTEGER NOT NULL, disabled INTEGER NOT NULL, owner INTEGER)""",
    """CREATE TABLE users (
        id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL, password_hash TEXT,
        created REAL NOT NULL)""",
    """CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, user_id INTEGER NOT NULL,
        created REAL NOT NULL, expires REAL NOT NULL)""",
    """CREATE TABLE consents (
        client INTEGER NOT NULL, user_id INTEGER NOT NULL, scope TEXT NOT NULL, created REAL NOT NULL,
        PRIMARY KEY (client, user_id))""",
    """CREATE TABLE codes (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, client INTEGER NOT NULL, user_id INTEGER NOT NULL,
        session INTEGER NOT NULL, redirect_uri TEXT NOT NULL, scope TEXT NOT NULL, challenge TEXT NOT NULL,
        method TEXT NOT NULL, nonce TEXT NOT NULL, expires REAL NOT NULL, spent INTEGER NOT NULL)""",
    """CREATE TABLE device_codes (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, user_code TEXT NOT NULL UNIQUE, client INTEGER NOT NULL,
        scope TEXT NOT NULL, challenge TEXT NOT NULL, status TEXT NOT NULL, user_id INTEGER, expires REAL NOT NULL,
        last_poll REAL)""",
    """CREATE TABLE families (
        id INTEGER PRIMARY KEY, client INTEGER NOT NULL, user_id INTEGER NOT NULL, refreshable INTEGER NOT NULL,
        epoch INTEGER NOT NULL, UNIQUE (user_id, client, refreshable))""",
    """CREATE TABLE token_pairs (
        id INTEGER PRIMARY KEY, family INTEGER NOT NULL, epoch INTEGER NOT NULL, client INTEGER NOT NULL,
        user_id INTEGER NOT NULL, session INTEGER, scope TEXT NOT NULL, created REAL NOT NULL,
        access_hash BLOB NOT NULL UNIQUE, access_lifetime INTEGER NOT NULL, access_expires REAL NOT NULL,
        access_ended TEXT, refresh_hash BLOB UNIQUE, refresh_expires REAL, refresh_ended TEXT,
        parent INTEGER, cached_response TEXT, cached_until REAL)""",
    "CREATE INDEX cached_until ON token_pairs (cached_until) WHERE cached_until IS NOT NULL",
)
VERSION = "3"


def check_format(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether a database, called *name* in messages, has the tables; refuse those of another program."""
    tables = {table for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return False
    if not {"meta", "token_pairs"} <= tables and not {"meta", "pair"} <= tables:
        raise StorageUnavailable(f"{name} has tables of another program: give the local Trakt one of its own")
    row = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    found = None if row is None else row[0]
    if found != VERSION:
        raise StorageUnavailable(
            f"{name} was made by another version of traktauth (format {found}, not {VERSION})",
            hint="Delete this database, or name another one",
        )
    return True


class Client(NamedTuple):
    """An OAuth client. `secret` is readable, as this is a test server; None for one that has none."""

    id: int
    client_id: str
    name: str
    secret: str | None
    redirect_uris: str
    confidential: bool
    trusted: bool
    require_pkce: bool
    disabled: bool
    owner: int | None

    @property
    def redirects(self) -> list[str]:
        """The registered redirect URIs, which are stored one a line, as Trakt's app settings have them."""
        return self.redirect_uris.split()


class User(NamedTuple):
    """A user."""

    id: int
    username: str
    email: str
    password_hash: str | None
    created: float


class Session(NamedTuple):
    """A login in a browser, or the one that a code came from."""

    id: int
    hash: bytes
    user_id: int
    created: float
    expires: float


class Consent(NamedTuple):
    """The scope that a user has granted to a client."""

    client: int
    user_id: int
    scope: str
    created: float


class Code(NamedTuple):
    """An authorization code."""

    id: int
    hash: bytes
    client: int
    user_id: int
    session: int
    redirect_uri: str
    scope: str
    challenge: str
    method: str
    nonce: str
    expires: float
    spent: bool


class DeviceCode(NamedTuple):
    """A device code; `status` is pending, approved, denied or used."""

    id: int
    hash: bytes
    user_code: str
    client: int
    scope: str
    challenge: str
    status: str
    user_id: int | None
    expires: float
    last_poll: float | None


class TokenPair(NamedTuple):
    """An access token and the refresh token issued with it, if any, with the state of the family they belong to.

    `access_ended` and `refresh_ended` are `rotated` or `revoked`, None for a token that has not ended. A pair whose
    `epoch` is not its family's was revoked with its family. `cached_response` is the response to its refresh, while
    that may be repeated. `existing_user` is its user's id, None if the user was deleted.
    """

    id: int
    family: int
    epoch: int
    client: int
    user_id: int
    session: int | None
    scope: str
    created: float
    access_hash: bytes
    access_lifetime: int
    access_expires: float
    access_ended: str | None
    refresh_hash: bytes | None
    refresh_expires: float | None
    refresh_ended: str | None
    parent: int | None
    cached_response: str | None
    cached_until: float | None
    family_epoch: int
    existing_user: int | None

    @property
    def in_family(self) -> bool:
        """Whether its family has not been revoked since it was issued."""
        return self.epoch == self.family_epoch

    @property
    def refreshable(self) -> bool:
        """Whether a refresh token was issued with it."""
        return self.refresh_hash is not None
