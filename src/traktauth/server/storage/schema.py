"""The tables, and what brings those of an older version up to date; a database stores its version in `meta`.

Tokens, codes and session cookies contain their row id, so they are found by primary key and compared by hash: no index
on hashes is needed, and the cost of a refresh does not grow with the number of tokens. A family is revoked by raising
one number in its row.

Where other rows refer to a row that may be deleted (AUTOINCREMENT), its id is never used again: a token of a session
that has ended, or of a deleted client, does not become that of the next.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from traktauth.server.storage.base import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

META = "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
TABLES = (
    META,
    """CREATE TABLE clients (
        id INTEGER PRIMARY KEY AUTOINCREMENT, client_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, secret TEXT,
        secret_hash BLOB, redirect_uris TEXT NOT NULL, confidential INTEGER NOT NULL, trusted INTEGER NOT NULL,
        require_pkce INTEGER NOT NULL, disabled INTEGER NOT NULL, owner INTEGER)""",
    """CREATE TABLE users (
        id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL, password_hash TEXT,
        created REAL NOT NULL)""",
    """CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL, user_id INTEGER NOT NULL, created REAL NOT NULL,
        expires REAL NOT NULL)""",
    """CREATE TABLE consents (
        client INTEGER NOT NULL, user_id INTEGER NOT NULL, scope TEXT NOT NULL, created REAL NOT NULL,
        PRIMARY KEY (client, user_id))""",
    """CREATE TABLE codes (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL, client INTEGER NOT NULL, user_id INTEGER NOT NULL,
        session INTEGER NOT NULL, redirect_uri TEXT NOT NULL, scope TEXT NOT NULL, challenge TEXT NOT NULL,
        method TEXT NOT NULL, nonce TEXT NOT NULL, expires REAL NOT NULL, spent INTEGER NOT NULL, pair INTEGER)""",
    """CREATE TABLE device_codes (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL, user_code TEXT NOT NULL UNIQUE, client INTEGER NOT NULL,
        scope TEXT NOT NULL, challenge TEXT NOT NULL, status TEXT NOT NULL, user_id INTEGER, expires REAL NOT NULL,
        last_poll REAL)""",
    """CREATE TABLE families (
        id INTEGER PRIMARY KEY, client INTEGER NOT NULL, user_id INTEGER NOT NULL, refreshable INTEGER NOT NULL,
        epoch INTEGER NOT NULL, UNIQUE (user_id, client, refreshable))""",
    """CREATE TABLE token_pairs (
        id INTEGER PRIMARY KEY, family INTEGER NOT NULL, epoch INTEGER NOT NULL, client INTEGER NOT NULL,
        user_id INTEGER NOT NULL, session INTEGER, scope TEXT NOT NULL, created REAL NOT NULL,
        access_hash BLOB NOT NULL, access_lifetime INTEGER NOT NULL, access_expires REAL NOT NULL, access_ended TEXT,
        refresh_hash BLOB, refresh_expires REAL, refresh_ended TEXT, parent INTEGER, cached_response BLOB,
        cached_until REAL)""",
    "CREATE INDEX cached_until ON token_pairs (cached_until) WHERE cached_until IS NOT NULL",
)
MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "ALTER TABLE app RENAME TO clients",
        "ALTER TABLE person RENAME TO users",
        "ALTER TABLE session RENAME TO sessions",
        "ALTER TABLE sessions RENAME COLUMN person TO user_id",
        "ALTER TABLE consent RENAME TO consents",
        "ALTER TABLE consents RENAME COLUMN app TO client",
        "ALTER TABLE consents RENAME COLUMN person TO user_id",
        "ALTER TABLE code RENAME TO codes",
        "ALTER TABLE codes RENAME COLUMN app TO client",
        "ALTER TABLE codes RENAME COLUMN person TO user_id",
        "ALTER TABLE device RENAME TO device_codes",
        "ALTER TABLE device_codes RENAME COLUMN app TO client",
        "ALTER TABLE device_codes RENAME COLUMN person TO user_id",
        "ALTER TABLE family RENAME TO families",
        "ALTER TABLE families RENAME COLUMN app TO client",
        "ALTER TABLE families RENAME COLUMN person TO user_id",
        "ALTER TABLE families RENAME COLUMN renewable TO refreshable",
        "ALTER TABLE pair RENAME TO token_pairs",
        "ALTER TABLE token_pairs RENAME COLUMN app TO client",
        "ALTER TABLE token_pairs RENAME COLUMN person TO user_id",
        "ALTER TABLE token_pairs RENAME COLUMN access_life TO access_lifetime",
        "ALTER TABLE token_pairs RENAME COLUMN kept TO cached_response",
        "ALTER TABLE token_pairs RENAME COLUMN kept_until TO cached_until",
        "DROP INDEX kept_until",
        "CREATE INDEX cached_until ON token_pairs (cached_until) WHERE cached_until IS NOT NULL",
        "DELETE FROM meta WHERE name LIKE 'lane %'",
    ),
}
"""The statements that bring a database of a version to the next one. `TABLES` creates the newest version."""
VERSION = max(MIGRATIONS) + 1
STORE_VERSION = f"""INSERT INTO meta (name, value) VALUES ('schema', '{VERSION}')
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value"""  # noqa: S608 - a number of ours
VERSION_1_TABLES = ("meta", "app", "person", "session", "consent", "code", "device", "family", "pair")

COLUMNS = {
    named[1]: tuple(re.findall(r"\b(\w+) (?:INTEGER|TEXT|REAL|BLOB)\b", statement))
    for statement in TABLES
    if (named := re.match(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", statement))
}
"""The columns of each table."""
LONGEST_VERSION = 9


def upgrade_statements(version: int | None) -> list[str]:
    """Return what brings a database of a version up to date, its version included; None is an empty database."""
    if version == VERSION:
        return []
    if version is None:
        return [*TABLES, STORE_VERSION]
    return [statement for one in range(version, VERSION) for statement in MIGRATIONS[one]] + [STORE_VERSION]


def check_version(
    name: str, version: object, found: Mapping[str, Collection[str]], *, has_others: bool = False
) -> int | None:
    """Check the tables of a database; return their version, None if there are none.

    Args:
        name: what the messages call the database.
        version: the schema version that it holds, None if it holds none.
        found: the columns of those of its tables that have a name of ours.
        has_others: whether it holds anything else.

    Raises:
        StorageUnavailable: they were made by a newer version or by another program, or are incomplete.
    """
    if version is None:
        if found or has_others:
            raise StorageUnavailable(f"{name} has tables of another program: give the local Trakt one of its own")
        return None
    text = str(version)
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_VERSION and int(text) > 0):
        message = f"{name} is damaged: the schema version in its table meta is {text[:40]!r}, not a number"
        raise StorageUnavailable(message)
    if int(text) > VERSION:
        message = f"{name} was made by a newer version of traktauth: schema {text}, not up to {VERSION}"
        raise StorageUnavailable(message)
    if int(text) < VERSION:
        check_complete(name, dict.fromkeys(VERSION_1_TABLES, ()), found)
    else:
        check_complete(name, COLUMNS, found)
    return int(text)


def check_complete(name: str, tables: Mapping[str, Collection[str]], found: Mapping[str, Collection[str]]) -> None:
    """Check that a database has tables and columns.

    Raises:
        StorageUnavailable: it lacks one.
    """
    lacking = [table for table in tables if table not in found]
    if lacking:
        raise StorageUnavailable(f"{name} is damaged: it lacks the table {', '.join(lacking)}")
    missing = [f"{table}.{column}" for table in tables for column in tables[table] if column not in found[table]]
    if missing:
        raise StorageUnavailable(f"{name} is damaged: it lacks the column {', '.join(missing)}")
