"""Insert a model as a row, each field into the column of its name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple

    from traktauth.server.storage.base import Connection


def insert_row(db: Connection, table: str, model: NamedTuple) -> int:
    """Insert a model without its first field, the id; return the id that the row got."""
    return db.insert(insert_statement(table, type(model)), model[1:])


@cache
def insert_statement(table: str, model: Any) -> str:  # noqa: ANN401 - the class of a NamedTuple
    """Return the statement that inserts a model without its first field, the id."""
    columns: tuple[str, ...] = model._fields[1:]
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names
