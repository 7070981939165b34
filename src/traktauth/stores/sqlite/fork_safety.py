"""The connections of this process to SQLite databases, and what becomes of them when it forks.

SQLite keeps locks and open files in the memory of a process. A child that was forked while another thread was inside
SQLite waits for that thread without end; and one that got an open connection takes its parent's locks for its own. So
a fork waits until no thread is inside, and closes every connection before. Each is opened again when it is needed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from contextlib import suppress
from typing import Any, Protocol


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
