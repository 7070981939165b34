"""Connections to SQLite."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from traktauth.server.storage.base import Row, StorageUnavailable
from traktauth.server.storage.schema import META, upgrade_statements
from traktauth.server.storage.sqlite.inspection import BESIDE, is_initialized

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Identity = tuple[int, int]

log = logging.getLogger(__name__)
BUSY_SECONDS = 5.0
LOOK_SECONDS = 0.1
"""Between two looks whether the file is still there: each lets other threads run, and costs a busy writer dearly."""
OVERWRITTEN = "secure_delete=ON"
"""What is replaced leaves no bytes in the file, such as a secret that is hashed from now on; SQLite's builds differ."""


class SqliteConnection:
    """A `Connection` on SQLite."""

    def __init__(self, address: str) -> None:
        self._raw = _open(address)
        self._run = self._raw.execute

    def fetchone(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """Return the first row, or None."""
        row: Row | None = self._run(statement, values).fetchone()
        return row

    def select_for_update(
        self,
        statement: str,
        values: Sequence[object],
        *,
        table: str,  # noqa: ARG002 - a writer has the whole database
        share: bool = False,  # noqa: ARG002 - as above
    ) -> Row | None:
        """Return the first row, or None; see `Connection.select_for_update`."""
        row: Row | None = self._run(statement, values).fetchone()
        return row

    def fetchall(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return every row."""
        return self._run(statement, values).fetchall()

    def execute(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change rows; return how many were changed."""
        return self._run(statement, values).rowcount

    def insert(self, statement: str, values: Sequence[object] = ()) -> int:
        """Insert a row; return its id."""
        return self._run(statement, values).lastrowid or 0

    def begin(self) -> None:
        """Begin a transaction that writes."""
        self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit the transaction."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """Roll back the transaction, if one has begun."""
        if self._raw.in_transaction:
            self._run("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._raw.close()


class DatabaseFile:
    """The file at a path, and the log (`-wal`) and its index (`-shm`) beside it, for all connections of a process.

    SQLite finds the log by its name. Beside a file that was put there in place of another one, the old log would be
    taken for the new file's: its pages would be mixed into it.

    Attributes:
        path: where the file is.
        lock: held by the connection that turns to another file.
        turned: how often another file has been turned to.
        is_log_gone: whether the log that is in use has been deleted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.turned = 0
        self.is_log_gone = False
        self._file: Identity | None = None
        self._beside: dict[Path, Identity] = {}

    def note(self, file: Identity) -> None:
        """Note which log and index belong to the file in use."""
        places = [self.path.with_name(self.path.name + ending) for ending in BESIDE]
        found = {place: known for place in places if (known := _identity(place)) is not None}
        if file != self._file:
            self._file, self._beside, self.is_log_gone = file, found, False
        elif self._beside.get(places[0]) != found.get(places[0]) and not self.is_log_gone:
            self.is_log_gone = True
            log.warning("%s was deleted while it is used; each commit is now written to the database itself", places[0])
        elif not self.is_log_gone:
            self._beside = found

    def old_log(self, file: Identity) -> list[Path]:
        """Return what lies beside the path and belongs to a file that was there before *file*."""
        if self._file in (None, file):
            return []
        return [place for place, known in self._beside.items() if _identity(place) == known]


class SqliteFileConnection(SqliteConnection):
    """A connection to the file at a path, whichever that is: SQLite itself would keep writing to a deleted file."""

    def __init__(self, file: DatabaseFile, *, cache_kib: int = 2000) -> None:
        super().__init__(str(file.path))
        self._shared = file
        self._next_look = 0.0
        self._cache_kib = cache_kib
        try:
            self._set_up()
        except BaseException:
            self._raw.close()
            raise

    def begin(self) -> None:
        """Begin a transaction that writes, in the file that is at the path now."""
        self.settle()
        super().begin()

    def commit(self) -> None:
        """Commit the transaction."""
        super().commit()
        if self._shared.is_log_gone:  # what is in it alone would not outlive this process
            self._move_log_into_file()

    def settle(self) -> None:
        """Turn to the file at the path, if another one has been put there.

        Raises:
            sqlite3.OperationalError: the file does not exist, or is not a local Trakt's.
        """
        now = time.monotonic()
        if now < self._next_look:
            return
        shared = self._shared
        found = _file_at(shared.path)
        if (found, shared.turned) == (self._file, self._turned):
            shared.note(found)
            self._next_look = now + LOOK_SECONDS
            return
        with shared.lock:
            self._turn_to(found)

    def _turn_to(self, found: Identity) -> None:
        shared = self._shared
        old_log = shared.old_log(found)
        try:
            if not is_initialized(shared.path, alone=bool(old_log)):
                raise sqlite3.OperationalError("the database file has been emptied")
        except StorageUnavailable as error:
            raise sqlite3.OperationalError(str(error)) from error
        if found != self._file:
            with contextlib.suppress(sqlite3.Error):  # the old file may have been moved away, to be used again
                self._move_log_into_file()
        for place in old_log:
            place.unlink(missing_ok=True)
        if found != self._file and shared.turned == self._turned:
            shared.turned += 1
            log.warning("The database %s was replaced by another file, which is used from now on", shared.path)
        self._raw.close()
        self._raw = _open(str(shared.path))
        self._run = self._raw.execute
        self._set_up()
        prepare(self)  # it may be a backup of an older version

    def _move_log_into_file(self) -> None:
        """Copy what is in the log into the file, and wait for the disk.

        Raises:
            sqlite3.OperationalError: it is being read, and goes on being so.
        """
        until = time.monotonic() + BUSY_SECONDS
        while True:
            _, written, moved = self._run("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if written == moved:
                return
            if time.monotonic() > until:
                raise sqlite3.OperationalError("database is locked")
            time.sleep(0.001)

    def _set_up(self) -> None:
        cache = f"cache_size=-{self._cache_kib}"
        for setting in ("journal_mode=WAL", "synchronous=FULL", cache, OVERWRITTEN):
            self._run(f"PRAGMA {setting}")
        self._run("SELECT count(*) FROM sqlite_master").fetchone()  # opens the log
        self._file, self._turned = _file_at(self._shared.path), self._shared.turned
        self._shared.note(self._file)


def _open(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _identity(path: Path) -> Identity | None:
    """Return what identifies a file; None if it does not exist."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _file_at(path: Path) -> Identity:
    """Return what identifies a file.

    Raises:
        sqlite3.OperationalError: the file does not exist.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise sqlite3.OperationalError(f"the database file is gone: {error.strerror}") from error
    return found.st_dev, found.st_ino


def prepare(connection: SqliteConnection) -> None:
    """Create the tables, or bring those of an older version up to date; `is_initialized` has checked them."""
    connection.begin()
    connection.execute(META)
    row = connection.fetchone("SELECT value FROM meta WHERE name = 'schema'")
    for statement in upgrade_statements(int(row[0]) if row else None):
        connection.execute(statement)
    connection.commit()
