"""The tables' making, version by version; a database remembers in `meta` how far it has come.

Tokens, codes and sessions carry their row's number, so they are found by primary key and compared by hash: no index
on hashes is needed, and the cost of a refresh does not grow with the number of tokens stored. A family is killed by
raising one number in its row.

Where other rows name a row that may be deleted (AUTOINCREMENT), its number is never given to another one: no token of a
session that has ended, or of a deleted app, becomes that of the next.
"""

from __future__ import annotations

from traktauth.server.storage.base import StorageDown

VERSION = 1

TABLES = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE app (
        id INTEGER PRIMARY KEY AUTOINCREMENT, client_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, secret TEXT,
        secret_hash BLOB, redirect_uris TEXT NOT NULL, confidential INTEGER NOT NULL, trusted INTEGER NOT NULL,
        require_pkce INTEGER NOT NULL, disabled INTEGER NOT NULL, owner INTEGER)""",
    """CREATE TABLE person (
        id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL, password_hash TEXT,
        created REAL NOT NULL)""",
    """CREATE TABLE session (
        id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL, person INTEGER NOT NULL, created REAL NOT NULL,
        expires REAL NOT NULL)""",
    """CREATE TABLE consent (
        app INTEGER NOT NULL, person INTEGER NOT NULL, scope TEXT NOT NULL, created REAL NOT NULL,
        PRIMARY KEY (app, person))""",
    """CREATE TABLE code (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL, app INTEGER NOT NULL, person INTEGER NOT NULL,
        session INTEGER NOT NULL, redirect_uri TEXT NOT NULL, scope TEXT NOT NULL, challenge TEXT NOT NULL,
        method TEXT NOT NULL, nonce TEXT NOT NULL, expires REAL NOT NULL, spent INTEGER NOT NULL, pair INTEGER)""",
    """CREATE TABLE device (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL, user_code TEXT NOT NULL UNIQUE, app INTEGER NOT NULL,
        scope TEXT NOT NULL, challenge TEXT NOT NULL, status TEXT NOT NULL, person INTEGER, expires REAL NOT NULL,
        last_poll REAL)""",
    """CREATE TABLE family (
        id INTEGER PRIMARY KEY, app INTEGER NOT NULL, person INTEGER NOT NULL, renewable INTEGER NOT NULL,
        epoch INTEGER NOT NULL, UNIQUE (person, app, renewable))""",
    """CREATE TABLE pair (
        id INTEGER PRIMARY KEY, family INTEGER NOT NULL, epoch INTEGER NOT NULL, app INTEGER NOT NULL,
        person INTEGER NOT NULL, session INTEGER, scope TEXT NOT NULL, created REAL NOT NULL,
        access_hash BLOB NOT NULL, access_life INTEGER NOT NULL, access_expires REAL NOT NULL, access_ended TEXT,
        refresh_hash BLOB, refresh_expires REAL, refresh_ended TEXT, parent INTEGER, kept BLOB,
        kept_until REAL)""",
    "CREATE INDEX kept_until ON pair (kept_until) WHERE kept_until IS NOT NULL",
)


def judge(version: str | None, *, foreign: bool) -> bool:
    """Whether tables have been made, by the version that they remember.

    Args:
        version: what they remember, None where they do not.
        foreign: whether there are tables all the same.

    Raises:
        StorageDown: they were made by a newer version, or by another program.
    """
    if version is None and foreign:
        raise StorageDown("The database has tables of another program: give it one of its own")
    if version is not None and int(version) > VERSION:
        raise StorageDown("The database was made by a newer version of traktauth")
    return version is not None
