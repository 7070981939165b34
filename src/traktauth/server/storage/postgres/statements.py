"""Statements and row locks, as the repositories write them, on a connection to PostgreSQL."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traktauth.server.storage.base import Row
    from traktauth.server.storage.postgres.connection import PsycopgConnection


class StatementConnection:
    """The `Connection` on a PostgreSQL.

    Args:
        connection: psycopg's.
        locks: whether `select_for_update` locks the row; a reader takes what has been committed.
    """

    def __init__(self, connection: PsycopgConnection, *, locks: bool = True) -> None:
        self._cursor = connection.cursor()
        self._locks = locks

    def fetchone(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """Return the first row, or None."""
        return self._cursor.execute(_placeholders(statement), values).fetchone()

    def select_for_update(
        self, statement: str, values: Sequence[object], *, table: str, share: bool = False
    ) -> Row | None:
        """Return the first row and lock it; see `Connection.select_for_update`."""
        lock = f" FOR {'KEY SHARE' if share else 'NO KEY UPDATE'} OF {table}" if self._locks else ""
        return self.fetchone(statement + lock, values)

    def fetchall(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return every row."""
        return self._cursor.execute(_placeholders(statement), values).fetchall()

    def execute(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change rows; return how many were changed."""
        return self._cursor.execute(_placeholders(statement), values).rowcount

    def insert(self, statement: str, values: Sequence[object] = ()) -> int:
        """Insert a row; return its id."""
        row = self.fetchone(f"{statement} RETURNING id", values)
        return row[0] if row else 0


@cache
def _placeholders(statement: str) -> bytes:
    return statement.replace("%", "%%").replace("?", "%s").encode()
