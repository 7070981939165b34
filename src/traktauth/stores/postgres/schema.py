"""The tables and statements: tables are made once, by one of many programs, and checked before they are used."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.stores.database.sql import INDEXES, SCHEMA, TABLE, Dialect, is_read
from traktauth.stores.database.store import VERSION, check_version
from traktauth.stores.errors import DurabilityWarning

NOW = "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"
DIALECT = Dialect(
    now=NOW,
    skip=f"FOR UPDATE OF {TABLE} SKIP LOCKED",
    materialized="MATERIALIZED",
    most="greatest",
    least="least",
)

# Comes before each statement that writes, in the same message and so in the same transaction: a session may be shared
# with other programs, behind a pooler that hands one out for each transaction.
LIMITS = """SELECT set_config('statement_timeout', '5000', true), set_config('lock_timeout', '5000', true),
    set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') = 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, true);
"""
_worded: dict[str, bytes] = {}


def to_message(text: str) -> bytes:
    """Return a statement with its parameters as psycopg writes them, and with limits if it writes."""
    limited = text if is_read(text) else LIMITS + text
    if limited not in _worded:
        _worded[limited] = re.sub(r":(\w+)", r"%(\1)s", limited).encode()
    return _worded[limited]


# As a writing statement of ours would find them, in one message with what is set for it.
QUESTION = (
    LIMITS
    + """SELECT current_setting('fsync'), current_setting('full_page_writes'), pg_is_in_recovery(),
    current_setting('transaction_read_only'), current_setting('synchronous_commit')"""
).encode()


def find_warnings(answer: Sequence[Any]) -> list[str]:
    """Return what may lose a login, each with the setting that fixes it."""
    fsync, full_page_writes, in_recovery, read_only, synchronous_commit = answer
    found: list[str] = []
    if fsync != "on":
        found.append(DurabilityWarning("A crash of this PostgreSQL loses logins", "set `fsync = on`"))
    if full_page_writes != "on":
        found.append(DurabilityWarning("A crash of this PostgreSQL may damage logins", "set `full_page_writes = on`"))
    if synchronous_commit == "off":  # we set another one, which something between us and the server has dropped
        found.append(
            DurabilityWarning("A crash of this PostgreSQL loses the last logins", "set `synchronous_commit = on`")
        )
    if in_recovery:
        found.append(DurabilityWarning("This PostgreSQL is a standby and takes no writes", "name the primary"))
    elif read_only == "on":
        found.append(DurabilityWarning("This PostgreSQL takes no writes", "end `default_transaction_read_only`"))
    return found


_VERSIONS = "traktauth_schema"
_LOCK = 0x7472616B74  # of all the advisory locks in a database, ours
_TABLES = (_VERSIONS, *SCHEMA)
# In the catalogue as the statement finds it: names alone are looked up in what was there when the transaction began.
_THERE = "EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = {name!r} AND pg_catalog.pg_table_is_visible(oid))"
_LOOK = f"SELECT {', '.join(_THERE.format(name=name) for name in _TABLES)}"
_BEGIN = f"BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; {LIMITS}"
_LOCKED = f"SELECT pg_advisory_xact_lock({_LOCK})"  # of the transaction: a session may not be ours alone
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass('{table}') AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""

Preparing = Generator[str, list[Any], None]


def preparing(address: str) -> Preparing:
    """Make the tables where there are none; yields statements, and is sent what they return.

    Raises:
        StoreFailed: they are a later version's, or another program's; they are left as they are.
    """
    found = (yield _LOOK)[0]
    if any(found):
        return (yield from _check(address, found))
    yield _BEGIN
    yield _LOCKED
    found = (yield _LOOK)[0]
    if not any(found):
        yield "; ".join(_statements())
        found = [True] * len(_TABLES)
    yield "COMMIT"
    return (yield from _check(address, found))


def schema_for(role: str | None = None) -> str:
    """Return the SQL that makes the tables, for an administrator if the store's own role may make none.

    Args:
        role: who uses them: gets the rights that the store needs, and no other.
    """
    statements = [statement.strip() for statement in _statements()]
    if role is not None:
        name = role.replace('"', '""')
        statements += [
            f'GRANT SELECT, INSERT, UPDATE ON {", ".join(SCHEMA)} TO "{name}"',
            f'GRANT SELECT ON {_VERSIONS} TO "{name}"',
        ]
    return "".join(f"{statement};\n" for statement in ("BEGIN", *statements, "COMMIT"))


def _statements() -> tuple[str, ...]:
    return (
        *SCHEMA.values(),
        *INDEXES,
        # Rows are rewritten on their page while there is room, and then no index has to be.
        f"ALTER TABLE {TABLE} SET (fillfactor = 70)",
        f"CREATE TABLE {_VERSIONS} AS SELECT {VERSION} AS version",
    )


def _check(address: str, found: Sequence[bool]) -> Preparing:
    """Check the version of the tables that were found; without one they are another program's."""
    if not found[0]:
        raise _foreign(address, next(table for table, there in zip(_TABLES, found, strict=True) if there))
    if (yield _COLUMNS.format(table=_VERSIONS)) != [("version", "integer")]:
        raise _foreign(address, _VERSIONS)
    versions = yield f"SELECT version FROM {_VERSIONS}"
    check_version(address, versions[0][0] if len(versions) == 1 else None)


def _foreign(address: str, table: str) -> StoreFailed:
    return StoreFailed(
        f"{address} has a table {table} that is not traktauth's; it is left as it is",
        hint="Give the store a schema of its own: postgresql://…?options=-csearch_path%3DNAME",
    )
