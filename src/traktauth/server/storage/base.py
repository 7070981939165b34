"""The two promises of a storage, and the connection that its tables speak to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traktauth.server.storage.tables import Tables

T = TypeVar("T")
Row = tuple[Any, ...]


class StorageDown(Exception):
    """The database cannot be read or written at the moment; nothing was half done."""


class Connection(Protocol):
    """A database in the middle of a transaction. Statements use `?` for their values."""

    def one(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """Give the first row, or None."""
        ...

    def held(self, statement: str, values: Sequence[object], *, table: str, shared: bool = False) -> Row | None:
        """Give the first row, or None; what is decided by it stays right until the transaction ends.

        Nobody else changes that row of *table*, or reads it like this, before then; with *shared*, nobody deletes it.
        """
        ...

    def all(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Give every row."""
        ...

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change something; give how many rows it touched."""
        ...

    def add(self, statement: str, values: Sequence[object] = ()) -> int:
        """Insert a row; give its number."""
        ...


class Storage(Protocol):
    """A database. Work runs wholly or not at all, and one piece after the other where it touches the same rows."""

    async def write(self, work: Callable[[Tables], T]) -> T:
        """Run *work* in a transaction and return its result after the commit.

        A `Refusal` that *work* raises is a result: what it wrote before stays. Whatever else it raises undoes it.

        Raises:
            StorageDown: the database is gone, locked or full.
        """
        ...

    async def read(self, look: Callable[[Tables], T]) -> T:
        """Run *look* on what has been committed, off the writer's path.

        Raises:
            StorageDown: the database is gone.
        """
        ...

    def close(self) -> None:
        """Let go of the database after finishing what was begun."""
        ...
