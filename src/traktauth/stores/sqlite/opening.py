"""Open an SQLite database that is ours, or make it; one that is another program's is left as it is."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from contextlib import closing, suppress

from traktauth.errors import StoreFailed
from traktauth.stores import replacing
from traktauth.stores.sql import DUE, SCHEMA, VERSION

APPLICATION_ID = 0x74724B41  # "trKA", in the header of every file of ours
BUSY_LIMIT = 10.0  # seconds; a statement takes milliseconds
_making = threading.Lock()


def _forget_makers() -> None:
    global _making  # noqa: PLW0603 - a forked child has none of the threads that may have held it
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_makers)


def connect(path: str) -> sqlite3.Connection:
    """Return a connection to the database, which is made where there is none.

    Args:
        path: no symbolic link.

    Raises:
        StoreFailed: it is another program's, or a later version's.
        OSError, sqlite3.Error: it cannot be opened.
    """
    with _making:  # another thread's locks would go with the descriptor that a new file is made with
        fresh = _make_file(path)
    if not fresh and os.stat(path).st_size:
        _check(path)
        _close_to_others(path)
    connection = sqlite3.connect(path, timeout=BUSY_LIMIT, isolation_level=None, check_same_thread=False)
    try:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            _make_schema(connection)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


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


def _make_file(path: str) -> bool:
    replacing.make_folder(os.path.dirname(path))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        return False
    return True


def _check(path: str) -> None:
    """Look at a file without changing a byte of it."""
    uri = f"file:{_quoted(path)}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_LIMIT, isolation_level=None)) as connection:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if application == 0 and not tables:
            return  # an empty database: another process is making it, or somebody made it for us
        if application != APPLICATION_ID:
            raise _foreign(path)
        if version > VERSION:
            raise StoreFailed(
                f"{path} has the schema {version}; this version of traktauth knows {VERSION}; it is left as it is",
                hint="Use the version of traktauth that wrote it, or a later one",
            )
        for table in SCHEMA:
            if _columns(connection, table) != _expected(table):
                raise StoreFailed(
                    f"{path} has a table {table} with other columns than traktauth's; it is left as it is",
                    hint="Move it away or restore it from a backup, then: traktauth login",
                )


def _foreign(path: str) -> StoreFailed:
    return StoreFailed(
        f"{path} is another program's database; it is left as it is", hint="Name another file: --store sqlite:/PATH"
    )


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,))
    return [(name, kind) for name, kind in rows]


def _expected(table: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(SCHEMA[table])
        return _columns(connection, table)


def _make_schema(connection: sqlite3.Connection) -> None:
    """Make the tables, once; whoever comes second finds them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            for statement in (*SCHEMA.values(), DUE):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _close_to_others(path: str) -> None:
    """Take reading from group and others, as a copy or a loose umask may have given it."""
    if os.name == "posix" and os.stat(path).st_mode & 0o077:
        os.chmod(path, 0o600)


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
