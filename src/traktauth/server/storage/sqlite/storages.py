"""The storages: a file, and this process's memory.

A file is written by one thread that commits in groups (WAL, `synchronous=FULL`: what was answered survives a power
cut) and read on a connection of its own. A database in memory is worked on where the request is, without a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, TypeVar

from traktauth.server.refusals import OUTCOMES
from traktauth.server.storage.base import StorageDown
from traktauth.server.storage.sqlite.connections import SqliteConnection, SqliteFileConnection, prepare
from traktauth.server.storage.sqlite.looking import looked_at
from traktauth.server.storage.tables import Tables
from traktauth.server.storage.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
CACHE_KIB = 20_000
"""Memory for pages of the file, for the writer: with SQLite's own 2 MB a refresh costs a third more at 10⁶ tokens."""


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
                connection = SqliteFileConnection(path, cache_kib=CACHE_KIB)
                refused.callback(connection.close)
                prepare(connection)
                self._reader = SqliteFileConnection(path)
            except (OSError, sqlite3.Error) as error:
                raise StorageDown(f"The database {path} cannot be used: {error}") from error
            refused.pop_all()  # it is good, and stays open
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
            self._reader.settle()
            return look(Tables(self._reader))
        except sqlite3.Error as error:
            raise StorageDown(str(error)) from error

    def close(self) -> None:
        """Finish what was begun and let go of the file."""
        self._writer.close()
        self._reader.close()


class SqliteMemory:
    """A `Storage` in this process's memory, gone with it."""

    def __init__(self, tell: Callable[[list[str]], None]) -> None:
        self._connection = SqliteConnection(":memory:")
        self._tell = tell
        prepare(self._connection)

    def at_once(self, work: Callable[[Tables], T]) -> T:
        """Run *work* here and now, before anything is served."""
        return _worked(self._connection, work)

    async def write(self, work: Callable[[Tables], T]) -> T:
        """Run *work* at once; see `Storage.write`."""
        tables = Tables(self._connection)
        self._connection.begin()
        try:
            result = work(tables)
        except OUTCOMES:
            self._commit(tables)
            raise
        except BaseException:
            self._connection.rollback()
            raise
        self._commit(tables)
        return result

    def _commit(self, tables: Tables) -> None:
        """Make what was written last, then tell."""
        self._connection.commit()
        self._tell(tables.events)

    async def read(self, look: Callable[[Tables], T]) -> T:
        """Run *look* at once; see `Storage.read`."""
        return look(Tables(self._connection))

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
