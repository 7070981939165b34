"""SQLite: the one module that names its driver.

A file is written by one thread that commits in groups (WAL, `synchronous=FULL`: what was answered survives a power
cut) and read on a connection of its own. A database in memory is worked on where the request is, without a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, TypeVar

from traktauth.server.refusals import OUTCOMES
from traktauth.server.storage.base import Row, StorageDown
from traktauth.server.storage.schema import TABLES, VERSION, judge
from traktauth.server.storage.tables import Tables
from traktauth.server.storage.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")
BUSY_SECONDS = 5.0
CACHE_KIB = 20_000
"""Memory for pages of the file, for the writer: with SQLite's own 2 MB a refresh costs a third more at 10⁶ tokens."""


class SqliteConnection:
    """A `Connection` on SQLite."""

    def __init__(self, address: str, *, durable: bool) -> None:
        self._raw = sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._run = self._raw.execute
        if durable:
            try:
                self._run("PRAGMA journal_mode=WAL")
                self._run("PRAGMA synchronous=FULL")
            except sqlite3.Error:
                self._raw.close()
                raise

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


def looked_at(path: Path) -> bool:
    """Whether a file with the tables is there already; nothing is made.

    Raises:
        StorageDown: it cannot be written, was made by a newer version, or is something else.
    """
    place = next((place for place in (path, *path.parents) if place.exists()), path)
    right = place.is_file() if place == path else place.is_dir()
    if not right or not os.access(place, os.W_OK):
        raise StorageDown(f"The database {path} cannot be used: {place} cannot be written")
    if place != path or not path.stat().st_size:
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as raw:
            tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            found: Row | None = None
            if "meta" in tables:
                found = raw.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    except sqlite3.Error as error:
        raise StorageDown(f"The database {path} cannot be used: {error}") from error
    return judge(found[0] if found else None, foreign=bool(tables))


class SqliteFile:
    """A `Storage` in a file.

    Raises:
        StorageDown: the file cannot be opened, is another program's, or was made by a newer version.
    """

    def __init__(self, path: Path, tell: Callable[[list[str]], None]) -> None:
        looked_at(path)  # what is another program's is left as it is
        with contextlib.ExitStack() as refused:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
                connection = SqliteConnection(str(path), durable=True)
                refused.callback(connection.close)
                prepare(connection)
                connection.run(f"PRAGMA cache_size = -{CACHE_KIB}")
                self._reader = SqliteConnection(str(path), durable=True)
            except (OSError, sqlite3.Error) as error:
                raise StorageDown(f"The database {path} cannot be used: {error}") from error
            refused.pop_all()  # it is good, and stays open
        self._look = Tables(self._reader)
        self._connection = connection
        self._writer = Writer(connection, sqlite3.Error, tell)

    def at_once(self, work: Callable[[Tables], T]) -> T:
        """Run *work* here and now, before anything is served."""
        return _worked(self._connection, work)

    async def write(self, work: Callable[[Tables], T]) -> T:
        """Run *work* on the writer's thread; see `Storage.write`."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.put(work, answer)
        return await answer

    async def read(self, look: Callable[[Tables], T]) -> T:
        """Run *look* here, on the reading connection; see `Storage.read`."""
        try:
            return look(self._look)
        except sqlite3.Error as error:
            raise StorageDown(str(error)) from error

    def close(self) -> None:
        """Finish what was begun and let go of the file."""
        self._writer.close()
        self._reader.close()


class SqliteMemory:
    """A `Storage` in this process's memory, gone with it."""

    def __init__(self, tell: Callable[[list[str]], None]) -> None:
        self._connection = SqliteConnection(":memory:", durable=False)
        self._tell = tell
        prepare(self._connection)
        self._tables = Tables(self._connection)

    def at_once(self, work: Callable[[Tables], T]) -> T:
        """Run *work* here and now, before anything is served."""
        return _worked(self._connection, work)

    async def write(self, work: Callable[[Tables], T]) -> T:
        """Run *work* at once; see `Storage.write`."""
        self._connection.begin()
        try:
            result = work(self._tables)
        except OUTCOMES:
            self._commit()
            raise
        except BaseException:
            self._tables.events.clear()
            self._connection.rollback()
            raise
        self._commit()
        return result

    def _commit(self) -> None:
        """Make what was written last, then tell."""
        self._connection.commit()
        if self._tables.events:
            self._tell(self._tables.events)
            self._tables.events.clear()

    async def read(self, look: Callable[[Tables], T]) -> T:
        """Run *look* at once; see `Storage.read`."""
        return look(self._tables)

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()


def _worked(connection: SqliteConnection, work: Callable[[Tables], T]) -> T:
    connection.begin()
    try:
        result = work(Tables(connection))
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    return result
