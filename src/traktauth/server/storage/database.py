"""The SQLite database: one connection, used in the thread of the event loop.

A file is in WAL mode with `synchronous=NORMAL`: what was answered survives the death of the process, also by SIGKILL,
but not a power cut. The file is locked for other programs while it is open: one server uses it at a time, and no
transaction pays for locks and shared memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shlex
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from traktauth import private_files
from traktauth.display import escape, shorten
from traktauth.server.errors import PROTOCOL_ERRORS, StorageUnavailable
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import TABLES, VERSION, check_format

T = TypeVar("T")
log = logging.getLogger(__name__)
MEMORY = "memory:"
BUSY_SECONDS = 2.0
"""How long to wait for another program that has locked the file; requests wait too."""
SETTINGS = (
    "locking_mode=EXCLUSIVE",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "cache_size=-20000",
    "wal_autocheckpoint=8000",  # pages: a checkpoint costs less for each transaction if it is rare
)
MAGIC = b"SQLite format 3\0"
KEPT_SECONDS = 86_400.0  # for which an expired row is kept
ROWS = 500
PAUSE_SECONDS = 0.2
REST_SECONDS = 600.0


class Database:
    """A database, in a file or in this process's memory.

    Args:
        address: `memory:` or `sqlite:/PATH`; the file is made if it does not exist.
        makes_folder: whether the file's folder is made as well; else a mistyped path would go unnoticed.

    Raises:
        StorageUnavailable: the file cannot be opened, is another program's, or has another format.
    """

    def __init__(self, address: str, *, makes_folder: bool = False) -> None:
        path = None if address == MEMORY else path_of(address)
        if path is not None:
            is_initialized(path, needs_folder=not makes_folder)  # a file of another program is left as it is
        try:
            self._connection = _connect_memory() if path is None else _connect_file(path)
        except (OSError, sqlite3.Error) as error:
            raise _cannot_open(f"The database {path}", error) from error
        self._tables = Repositories(self._connection)
        self._is_failing = False

    def write(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* in a transaction and return its result after the commit; raise StorageUnavailable if that fails.

        An `OAuthError` that *work* raises is a result: what it wrote before stays. Any other exception rolls it back.
        """
        db = self._tables
        db.begin()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(db)
            except PROTOCOL_ERRORS:
                self._connection.execute("COMMIT")
                raise
            self._connection.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):  # the next transaction reports a database that cannot be used
                self._connection.rollback()  # which does nothing after a commit
            if isinstance(error, sqlite3.Error):
                raise self._unavailable(error) from error
            raise
        self._is_failing = False
        return result

    def read(self, work: Callable[[Repositories], T]) -> T:
        """Run *work*, which only reads; raise StorageUnavailable if the database cannot be read."""
        try:
            self._tables.begin()
            return work(self._tables)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _unavailable(self, error: sqlite3.Error) -> StorageUnavailable:
        """Return the error for the caller; log it if it is the first since the database last worked."""
        if not self._is_failing:
            self._is_failing = True
            reason = shorten(escape(next(iter(str(error).splitlines()), "")))
            log.warning("Requests are answered 503, as the database cannot be used: %s", reason)
        return StorageUnavailable(str(error))


def path_of(address: str) -> Path:
    """Return the path in an address `sqlite:/PATH`."""
    return Path(address.partition(":")[2]).expanduser()


def is_initialized(path: Path, *, needs_folder: bool = True, thorough: bool = False) -> bool:
    """Return whether a file has the tables already; nothing is created or changed.

    *thorough* reads every page. Raises StorageUnavailable for a file that cannot be written, is damaged, has another
    format, or is not a database of this program.
    """
    name = f"The database {path}"
    try:
        path = Path(private_files.resolve(str(path)))
        private_files.check_database(str(path))
        _check_place(path, needs_folder=needs_folder)
        if not path.exists() or not path.stat().st_size:
            return False
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise StorageUnavailable(f"{name} cannot be used: the file is not a database of SQLite")
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2)
        ) as connection:
            has_tables = check_format(connection, name)
            if thorough:
                (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if state != "ok":
                    raise StorageUnavailable(f"{name} is damaged: {state.splitlines()[-1]}")
    except (OSError, sqlite3.Error) as error:
        raise _cannot_open(name, error) from error
    return has_tables


def _cannot_open(name: str, error: Exception) -> StorageUnavailable:
    if "locked" in str(error):
        return StorageUnavailable(
            f"{name} cannot be used: another program has it open",
            hint="Stop the other local Trakt, or name another database",
        )
    return StorageUnavailable(f"{name} cannot be used: {error}")


def _check_place(path: Path, *, needs_folder: bool) -> None:
    """Check that a file can be written where it is to be."""
    name = f"The database {path} cannot be used"
    if path.is_dir():
        raise StorageUnavailable(f"{name}: it is a folder; give a file in it")
    if needs_folder and not path.parent.exists():
        hint = f"Make the folder: mkdir -p {shlex.quote(str(path.parent))}"
        raise StorageUnavailable(f"{name}: the folder {path.parent} does not exist", hint=hint)
    place = next((place for place in (path, *path.parents) if place.exists()), path)
    if not os.access(place, os.W_OK) or (place == path and not path.is_file()):
        raise StorageUnavailable(f"{name}: {place} cannot be written")


def _connect_file(path: Path) -> sqlite3.Connection:
    resolved = private_files.resolve(str(path))
    private_files.make_folder(str(Path(resolved).parent))
    private_files.make_file(resolved)
    private_files.check_database(resolved)
    connection = _connect(resolved)
    try:
        for setting in SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        _create_tables(connection)
        private_files.check_database(resolved)  # the files beside it, which exist by now
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_memory() -> sqlite3.Connection:
    connection = _connect(":memory:")
    _create_tables(connection)
    return connection


def _connect(name: str) -> sqlite3.Connection:
    """Connect in autocommit mode; the thread that opens a database need not be the one that serves."""
    return sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _create_tables(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not check_format(connection, "The database"):
        for statement in TABLES:
            connection.execute(statement)
        connection.execute("INSERT INTO meta (name, value) VALUES ('schema', ?)", (VERSION,))
    connection.execute("COMMIT")


async def purge(database: Database, clock: Callable[[], float]) -> None:
    """Clean a database up until the task is cancelled."""
    above = 0
    await asyncio.sleep(REST_SECONDS)
    while True:
        try:
            above = database.write(partial(_purge_step, clock, above))
        except StorageUnavailable:  # which the database has logged
            above = 0
        await asyncio.sleep(PAUSE_SECONDS if above else REST_SECONDS)


def _purge_step(clock: Callable[[], float], above: int, db: Repositories) -> int:
    return db.purge_expired(before=clock() - KEPT_SECONDS, above=above, rows=ROWS)
