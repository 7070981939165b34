"""The store on an SQLite database."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Generator, Hashable
from contextlib import contextmanager, suppress
from shlex import quote
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey
from traktauth.private_files import resolve_own
from traktauth.stores.database.lease import steady_clock
from traktauth.stores.database.row import Row
from traktauth.stores.database.sql import READ, Dialect, Parameters, SqlStore, is_read, key, row_of
from traktauth.stores.encryption import Cipher
from traktauth.stores.errors import RESTORE, disk_hint, file_failures
from traktauth.stores.file import atomic_file
from traktauth.stores.file.atomic_file import find_warnings
from traktauth.stores.sqlite.connection import MAX_LEASE, Connection, add_database, connect, truncate_log

# Leases go by a clock that is never set; all who open the database are on one machine. It begins anew when that starts,
# so a lease that ends later than the longest one is from an earlier run of the machine.
_DIALECT = Dialect(
    now="((julianday('now') - 2440587.5) * 86400.0)",
    clock=":clock",
    longest_lease=MAX_LEASE,
    most="max",
    least="min",
)


class SqliteStore(SqlStore):
    """A store on an SQLite database: a connection for each thread that is at work, none held between statements.

    Args:
        path: the file; made on the first use, its folder too.
        cipher: encrypts what is stored; None stores it in clear.
    """

    dialect = _DIALECT
    longest_pause = 0.03  # seconds between two looks at a lease; a look takes microseconds

    def __init__(self, path: str, *, cipher: Cipher | None = None) -> None:
        self.path = os.path.abspath(path)
        super().__init__(f"sqlite:{self.path}", cipher)
        self._idle: list[Connection] = []
        self._owner: tuple[int, int, int] = (0, 0, 0)
        add_database(self)

    @property
    def identity(self) -> Hashable:
        return ("sqlite", os.path.realpath(self.path))

    def peek_row(self, login: LoginKey) -> Row | None:
        owner = self._owner
        if self._place() != owner:
            return None
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        with _failures(self.path), self._using(connection, owner):
            rows = connection.execute(READ, key(login)).fetchall()
            return row_of(rows[0]) if rows else None

    def execute(self, text: str, values: Parameters) -> list[Any]:
        with self._connection() as connection:
            if not is_read(text):
                self._sync(connection)
            return connection.execute(text, values).fetchall()

    def execute_with_lease(self, text: str, values: Parameters) -> list[Any]:
        with self._connection() as connection:
            self._sync(connection)
            connection.execute("BEGIN IMMEDIATE")  # so that the clock is read after the wait for other writers
            rows = connection.execute(text, {**values, "clock": steady_clock()}).fetchall()
            connection.execute("COMMIT")  # an error closes the connection, and with it the transaction
            return rows

    def swap_row(self, login: LoginKey, seen: int | None, row: Row) -> bool:
        swapped = super().swap_row(login, seen, row)
        if swapped and seen and row.generation and row.expires_at is None:
            self._truncate_log()
        return swapped

    def delete_row(self, login: LoginKey, seen: int) -> bool:
        deleted = super().delete_row(login, seen)
        self._truncate_log()
        return deleted

    def _truncate_log(self) -> None:
        """Leave no byte of a token that was signed out."""
        with self._connection() as connection:
            truncate_log(connection)

    def _sync(self, connection: Connection) -> None:
        """Make sure, before the first write of a connection, that the file's name is durable."""
        if not connection.is_synced:
            with atomic_file.syncing(os.path.dirname(self._resolve())):
                connection.is_synced = True

    def _resolve(self) -> str:
        return resolve_own(self.path, "Name a file: --store sqlite:/PATH, or TRAKTAUTH_STORE")

    def durability_warnings(self) -> list[str]:
        with _failures(self.path):
            return find_warnings(os.path.dirname(self._resolve()))

    def close(self) -> None:
        self._close_others()
        self.close_idle()

    def close_idle(self) -> None:
        """Close the connections that no thread uses."""
        with suppress(IndexError):  # another thread has taken the last one
            while True:
                self._idle.pop().close()

    def __del__(self) -> None:
        with suppress(AttributeError, sqlite3.Error, TypeError):  # also half made, or while the interpreter ends
            self.close()

    @contextmanager
    def _connection(self) -> Generator[Connection]:
        with _failures(self.path):
            self._close_others()
            owner = self._owner
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = connect(self._resolve())
                owner = self._owner = self._place()
            with self._using(connection, owner):
                yield connection

    @contextmanager
    def _using(self, connection: Connection, owner: tuple[int, int, int]) -> Generator[None]:
        """Use a connection in this thread, then keep it; it is closed after an error or if the file was replaced."""
        connection.thread = threading.get_ident()
        try:
            yield
        except BaseException:
            connection.close()
            raise
        if owner == self._owner:
            self._idle.append(connection)
        else:
            connection.close()

    def _close_others(self) -> None:
        """Close connections to a file that has been put away meanwhile."""
        place = self._place()
        if place != self._owner:
            self.close_idle()
            self._owner = place

    def _place(self) -> tuple[int, int, int]:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return os.getpid(), 0, 0
        return os.getpid(), status.st_dev, status.st_ino


@contextmanager
def _failures(path: str) -> Generator[None]:
    """Turn what SQLite and the system say into StoreFailed."""
    try:
        with file_failures(path, "used"):
            yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary one of an extended code
        if code == sqlite3.SQLITE_NOTADB:
            raise StoreFailed(
                f"{path} is another program's file, not a database, or it is damaged; it is left as it is",
                hint="Name another file: store='sqlite:/PATH'; or restore this one from a backup",
                hint_command="Name another file: --store sqlite:/PATH; or restore this one from a backup",
            ) from error
        raise StoreFailed(f"{path} cannot be used: {error}", hint=_hint(code, path)) from error
    except sqlite3.Error as error:
        raise StoreFailed(f"{path} cannot be used: {error}") from error


def _hint(code: int, path: str) -> str | None:
    """Return the fix for an error of SQLite."""
    match code:
        case sqlite3.SQLITE_CORRUPT:
            return RESTORE
        case sqlite3.SQLITE_FULL:
            return disk_hint(errno.ENOSPC, path)
        case sqlite3.SQLITE_READONLY:
            files = f"{quote(path)} {quote(os.path.dirname(path))}"
            return f"Let yourself write the file and its folder, or mount their file system for writing: ls -ld {files}"
        case _:
            return None
