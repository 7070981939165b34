"""The connections to SQLite."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

from traktauth.server.storage.base import Row, StorageDown
from traktauth.server.storage.schema import TABLES, VERSION
from traktauth.server.storage.sqlite.looking import looked_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BUSY_SECONDS = 5.0
LOOK_SECONDS = 0.1
"""Between two looks whether the file is still there: each lets other threads run, and costs a busy writer dearly."""
OVERWRITTEN = "secure_delete=ON"
"""What is replaced leaves no bytes in the file, such as a secret that is hashed from now on; SQLite's builds differ."""


class SqliteConnection:
    """A `Connection` on SQLite."""

    def __init__(self, address: str) -> None:
        self._raw = _opened(address)
        self._run = self._raw.execute

    def one(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """Give the first row, or None."""
        row: Row | None = self._run(statement, values).fetchone()
        return row

    def held(self, statement: str, values: Sequence[object], *, table: str, shared: bool = False) -> Row | None:  # noqa: ARG002 - whoever writes has the whole database
        """Give the first row, or None; see `Connection.held`."""
        row: Row | None = self._run(statement, values).fetchone()
        return row

    def all(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Give every row."""
        return self._run(statement, values).fetchall()

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change something; give how many rows it touched."""
        return self._run(statement, values).rowcount

    def add(self, statement: str, values: Sequence[object] = ()) -> int:
        """Insert a row; give its number."""
        return self._run(statement, values).lastrowid or 0

    def begin(self) -> None:
        """Begin to write."""
        self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make what was written last."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """Undo what was written, if anything was begun."""
        if self._raw.in_transaction:
            self._run("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        self._raw.close()


class SqliteFileConnection(SqliteConnection):
    """One on a file, which stays the one at its path: SQLite itself would write on into a file that was deleted."""

    def __init__(self, path: Path, *, cache_kib: int = 2000) -> None:
        super().__init__(str(path))
        self._path = path
        self._next_look = 0.0
        self._cache_kib = cache_kib
        try:
            self._file = self._set_up()
        except BaseException:
            self._raw.close()
            raise

    def begin(self) -> None:
        """Begin to write, into the file that is there."""
        self.settle()
        super().begin()

    def settle(self) -> None:
        """Turn to the file at the path, where another has been put there.

        Raises:
            sqlite3.OperationalError: there is none, or it is not a local Trakt's.
        """
        now = time.monotonic()
        if now < self._next_look:
            return
        if _identity(self._path) == self._file:
            self._next_look = now + LOOK_SECONDS
            return
        try:
            if not looked_at(self._path):
                raise sqlite3.OperationalError("the database file has been emptied")
        except StorageDown as error:
            raise sqlite3.OperationalError(str(error)) from error
        self._raw.close()
        self._raw = _opened(str(self._path))
        self._run = self._raw.execute
        self._file = self._set_up()

    def _set_up(self) -> tuple[int, int]:
        cache = f"cache_size=-{self._cache_kib}"
        for setting in ("journal_mode=WAL", "synchronous=FULL", cache, OVERWRITTEN):
            self._run(f"PRAGMA {setting}")
        return _identity(self._path)


def _opened(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _identity(path: Path) -> tuple[int, int]:
    """Tell one file from another.

    Raises:
        sqlite3.OperationalError: there is none.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise sqlite3.OperationalError(f"the database file is gone: {error.strerror}") from error
    return found.st_dev, found.st_ino


def prepare(connection: SqliteConnection) -> None:
    """Make the tables, or check that these are ones this version understands.

    Raises:
        StorageDown: the database was made by a newer version.
    """
    connection.begin()
    connection.run(TABLES[0])
    version = connection.one("SELECT value FROM meta WHERE name = 'schema'")
    if version is None:
        for statement in TABLES[1:]:
            connection.run(statement)
        connection.run("INSERT INTO meta (name, value) VALUES ('schema', ?)", (str(VERSION),))
    connection.commit()
    if version is not None and int(version[0]) > VERSION:
        raise StorageDown("The database was made by a newer version of traktauth")
