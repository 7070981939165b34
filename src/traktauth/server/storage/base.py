"""The connection that the repositories use, and the error of a database that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = tuple[Any, ...]


class StorageUnavailable(Exception):
    """The database cannot be read or written at the moment.

    Attributes:
        hint: what to do about it, empty if naming another database is all that helps.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Connection(Protocol):
    """A database connection in a transaction. Statements have `?` for their values."""

    def fetchone(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """Return the first row, or None."""
        ...

    def select_for_update(
        self, statement: str, values: Sequence[object], *, table: str, share: bool = False
    ) -> Row | None:
        """Return the first row, or None, and lock it until the transaction ends.

        Args:
            statement: a SELECT.
            values: its values.
            table: the table whose row is locked.
            share: lock only against deletion; else also against changes and against others that lock it.
        """
        ...

    def fetchall(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return every row."""
        ...

    def execute(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change rows; return how many were changed."""
        ...

    def insert(self, statement: str, values: Sequence[object] = ()) -> int:
        """Insert a row; return its id."""
        ...
