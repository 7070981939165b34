"""Open an SQLite database that is ours, or make it; one that is another program's is left as it is."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from functools import partial

from traktauth.errors import StoreFailed
from traktauth.private_files import COMPANIONS, check_private, make_file
from traktauth.stores.database.sql import INDEXES, SCHEMA
from traktauth.stores.database.store import VERSION, check_version
from traktauth.stores.file import atomic_file
from traktauth.stores.mounts import is_mount_point
from traktauth.stores.sqlite import fork_safety
from traktauth.stores.sqlite.fork_safety import Connection

APPLICATION_ID = 0x74724B41  # "trKA", in the header of every file of ours
LONGEST_LEASE = 120.0  # seconds
BUSY_LIMIT = 10.0  # seconds; a statement takes milliseconds


def connect(path: str) -> Connection:
    """Return a connection to the database, which is created if it is missing.

    Args:
        path: no symbolic link.

    Raises:
        StoreFailed: it is another program's, or another version's.
        OSError, sqlite3.Error: it cannot be opened; UnsafeFile if another user may have written it.
    """
    with fork_safety.opening:  # another thread's locks would go with the descriptor that a new file is made with
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
        fork_safety.add_connection(connection)
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
