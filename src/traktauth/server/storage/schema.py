"""The tables; a database stores the version of its format in `meta`.

Tokens, codes and session cookies are stored as SHA-256 and found by it. A family is revoked by raising one number in
its row.

Where other rows refer to a row that may be deleted (AUTOINCREMENT), its id is never used again: a token of a session
that has ended, or of a deleted client, does not become that of the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.errors import StorageUnavailable

if TYPE_CHECKING:
    import sqlite3

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
VERSION = 3
CREATE = (*TABLES, f"INSERT INTO meta (name, value) VALUES ('schema', '{VERSION}')")  # noqa: S608 - a number of ours
"""The statements that make a new database."""


def check_format(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether a database has the tables, in the format of this version.

    Args:
        connection: a connection to the database.
        name: what messages call the database.

    Raises:
        StorageUnavailable: it has tables of another program, or the format of another version.
    """
    tables = {table for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return False
    if not {"meta", "token_pairs"} <= tables and not {"meta", "pair"} <= tables:
        raise StorageUnavailable(f"{name} has tables of another program: give the local Trakt one of its own")
    row = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    found = None if row is None else row[0]
    if found != str(VERSION):
        raise StorageUnavailable(
            f"{name} was made by another version of traktauth (format {found}, not {VERSION})",
            hint="Delete this database, or name another one",
        )
    return True
