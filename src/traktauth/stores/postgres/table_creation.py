"""The tables: made once, by one of many, and looked at before they are used."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.stores.database.sql import INDEXES, SCHEMA, TABLE
from traktauth.stores.database.store import VERSION, check_version
from traktauth.stores.postgres.statements import LIMITS

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
