"""The tables: made once, by one of many, and looked at before they are used."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.stores.sql import DUE, SCHEMA, VERSION

_VERSIONS = "traktauth_schema"
_LOCK = 0x7472616B74  # of all the advisory locks in a database, ours
_TABLES = (_VERSIONS, *SCHEMA)
_LOOK = f"SELECT {', '.join(f'to_regclass({name!r}) IS NOT NULL' for name in _TABLES)}"
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
    yield f"SELECT pg_advisory_lock({_LOCK})"
    yield "BEGIN"  # after the lock, as names are looked up in what was there when it began
    found = (yield _LOOK)[0]
    if not any(found):
        for statement in (*SCHEMA.values(), DUE):  # noqa: UP028 - a tuple cannot be sent to what a statement returns
            yield statement
        # Rows are rewritten on their page while there is room, and then no index has to be.
        yield "ALTER TABLE traktauth_logins SET (fillfactor = 70)"
        yield f"CREATE TABLE {_VERSIONS} AS SELECT {VERSION} AS version"
        found = [True] * len(_TABLES)
    yield "COMMIT"
    yield f"SELECT pg_advisory_unlock({_LOCK})"
    return (yield from _check(address, found))


def _check(address: str, found: Sequence[bool]) -> Preparing:
    """Look at the tables that were found; where ours come without their versions, they are another program's."""
    if not found[0]:
        raise _foreign(address, next(table for table, there in zip(_TABLES, found, strict=True) if there))
    if (yield _COLUMNS.format(table=_VERSIONS)) != [("version", "integer")]:
        raise _foreign(address, _VERSIONS)
    versions = yield f"SELECT version FROM {_VERSIONS}"  # noqa: S608 - a name of ours
    if len(versions) != 1 or versions[0][0] > VERSION:
        raise StoreFailed(
            f"{address} has the schema {versions[0][0] if versions else None}; "
            f"this version of traktauth knows {VERSION}; it is left as it is",
            hint="Use the version of traktauth that wrote it, or a later one",
        )
    for table, statement in SCHEMA.items():
        if (yield _COLUMNS.format(table=table)) != _expected(statement):
            raise _foreign(address, table)


def _foreign(address: str, table: str) -> StoreFailed:
    return StoreFailed(
        f"{address} has a table {table} that is not traktauth's; it is left as it is",
        hint="Give the store a schema of its own: postgresql://…?options=-csearch_path%3DNAME",
    )


def _expected(statement: str) -> list[tuple[str, str]]:
    """Return the columns of a CREATE TABLE of ours."""
    lines = [line.strip().rstrip(",") for line in statement.splitlines()]
    columns = [line.partition(" ") for line in lines if line and line.split()[0].islower()]
    return [(name, kind.partition(" NOT NULL")[0].lower()) for name, _, kind in columns]
