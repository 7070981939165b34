"""The connections of this process to SQLite databases, and what becomes of them when it forks.

A database of another program is left as it is.

SQLite keeps locks and open files in the memory of a process. A child that was forked while another thread was inside
SQLite waits for that thread without end; and one that got an open connection believes it holds its parent's locks. So a
fork waits until no thread is inside, and closes every connection before. Each is opened again when it is needed.
"""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import sys
import threading
import time
import weakref
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, Protocol

from traktauth.errors import StoreFailed
from traktauth.private_files import COMPANIONS, check_private, make_file
from traktauth.stores.database.sql import INDEXES, SCHEMA
from traktauth.stores.database.store import VERSION, check_version
from traktauth.stores.file import atomic_file
from traktauth.stores.file.atomic_file import is_mount_point


class Database(Protocol):
    """What holds idle connections."""

    def close_idle(self) -> None:
        """Close the connections that no thread uses."""
        ...


# Seconds that a fork waits for other threads: a little longer than one of them waits for another process.
FORK_LIMIT = 12.0
_PAUSE = 0.001


class Connection(sqlite3.Connection):
    """A connection that is known to this process.

    Attributes:
        is_open: whether it has not been closed.
        thread: the id of the thread that uses it, or used it last.
        is_synced: whether the folder was synced since it was opened, and so the names of its files are on the disk.
    """

    is_open = True
    thread = 0
    is_synced = False
    _never_opened = suppress(sqlite3.ProgrammingError)  # here, as at the interpreter's end a module's names are None

    def close(self) -> None:
        """Close it."""
        super().close()
        self.is_open = False

    def __del__(self) -> None:
        """Close it: a signal handler may have raised between its opening and the `try` that closes it."""
        with self._never_opened:
            self.close()


# Held while a connection is opened, and over a fork.
opening = threading.RLock()
_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_connections: weakref.WeakSet[Connection] = weakref.WeakSet()
# Connections that were in use over a fork, in the child. They are not closed there: SQLite would write to the file.
_inherited: list[sqlite3.Connection] = []
_held: list[Any] = []  # `opening`, over a fork


def add_database(database: Database) -> None:
    """Close this database's idle connections before a fork."""
    with opening:
        _databases.add(database)


def add_connection(connection: Connection) -> None:
    """Let a fork wait while this connection is in use."""
    connection.thread = threading.get_ident()
    with opening:
        _connections.add(connection)


def _before_fork() -> None:
    until = time.monotonic() + FORK_LIMIT
    if not (_databases or _connections):
        return
    if opening.acquire(timeout=FORK_LIMIT):
        _held.append(opening)
    while True:
        for database in list(_databases):
            database.close_idle()
        if not _others() or time.monotonic() > until:
            return
        time.sleep(_PAUSE)


def _others() -> list[Connection]:
    """Return the open connections that other threads use."""
    mine = threading.get_ident()
    return [each for each in list(_connections) if each.is_open and each.thread != mine]


def _after_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_in_child() -> None:
    global opening  # noqa: PLW0603 - the thread that may hold it is not in this process
    opening = threading.RLock()
    _held.clear()
    _inherited.extend(each for each in list(_connections) if each.is_open)
    _connections.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


APPLICATION_ID = 0x74724B41  # "trKA", in the header of every file of ours
MAX_LEASE = 120.0  # seconds
BUSY_LIMIT = 10.0  # seconds; a statement takes milliseconds


def connect(path: str) -> Connection:
    """Return a connection to the database, which is created if it is missing.

    Args:
        path: no symbolic link.

    Raises:
        StoreFailed: it is another program's, or another version's.
        OSError, sqlite3.Error: it cannot be opened; UnsafeFile if another user may have written it.
    """
    with opening:  # another thread's locks would go with the descriptor that a new file is made with
        return _connect(path)


def _connect(path: str) -> Connection:
    atomic_file.make_folder(os.path.dirname(path))
    fresh = make_file(path)
    _check_files(path)
    if not fresh and is_mount_point(path):
        raise StoreFailed(
            f"{path} is mounted as a single file, so its log would lie elsewhere; mount the folder instead",
            hint=f"In a container, mount the folder that holds it: --volume FOLDER:{os.path.dirname(path)}",
        )
    if not fresh and os.stat(path).st_size:
        _check(path)
    connection = sqlite3.connect(
        path, timeout=BUSY_LIMIT, isolation_level=None, check_same_thread=False, factory=Connection
    )
    try:
        add_connection(connection)
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            _make_schema(connection)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON").fetchone()  # SQLite's builds differ
        if sys.platform == "darwin":  # pragma: no cover - macOS leaves what is synced in the disk's own cache
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA checkpoint_fullfsync = ON")
        _check_files(path)  # again, as another user may have been the first to make the log
    except BaseException:
        connection.close()
        raise
    return connection


def _check_files(path: str) -> None:
    """Refuse what another user has put, or may write, in the place of the database or its log."""
    for neighbour in ("", *COMPANIONS):  # SQLite takes each for the database's own, of whatever user
        file = f"{path}{neighbour}"
        with suppress(FileNotFoundError):
            status = os.lstat(file)
            check_private(file, status, partial(os.chmod, file))
            if neighbour and not status.st_mode & stat.S_IWUSR:  # from a time when the database was read-only
                os.chmod(file, stat.S_IMODE(os.lstat(path).st_mode))


def truncate_log(connection: sqlite3.Connection) -> None:
    """Empty the log, as it holds what was there before; a reader that keeps it for more than a second wins."""
    with suppress(sqlite3.Error):
        try:
            connection.execute("PRAGMA busy_timeout = 1000")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_LIMIT * 1000:.0f}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn write-ahead logging on, for which SQLite does not wait when others are opening the file."""
    until = time.monotonic() + BUSY_LIMIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(random.uniform(0.001, 0.01))  # noqa: S311 - so that two do not meet again
        else:
            return


def _check(path: str) -> None:
    """Check a file without changing a byte of it."""
    uri = f"file:{_quote(path)}?mode=ro"
    with closing(
        sqlite3.connect(uri, uri=True, timeout=BUSY_LIMIT, isolation_level=None, factory=Connection)
    ) as connection:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if application == 0 and not tables:
            return  # an empty database: another process is making it, or the user made it for us
        if application != APPLICATION_ID:
            raise _foreign(path)
        check_version(path, version)


def _foreign(path: str) -> StoreFailed:
    return StoreFailed(
        f"{path} is another program's database; it is left as it is",
        hint="Name another file: store='sqlite:/PATH'",
        hint_command="Name another file: --store sqlite:/PATH",
    )


def _make_schema(connection: sqlite3.Connection) -> None:
    """Create the tables, unless another process was first."""
    with _transaction(connection):
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            for statement in (*SCHEMA.values(), *INDEXES):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _quote(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
