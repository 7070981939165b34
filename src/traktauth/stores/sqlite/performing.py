"""Commands performed in an SQLite database."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.errors import StoreFailed
from traktauth.stores import replacing
from traktauth.stores.commands import Read, ReadMany, Release, ReleaseMany, SwapMany
from traktauth.stores.sql import Dialect, answer
from traktauth.stores.sqlite.opening import connect

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

    from traktauth.stores.commands import Command

T = TypeVar("T")

DIALECT = Dialect(now="((julianday('now') - 2440587.5) * 86400.0)", most="max", least="min")
_HINT = "See what is wrong with it: traktauth doctor"
# Connections that a forked child got from its parent. Closing one there would take the parent's locks away.
_parents: list[sqlite3.Connection] = []


class SqliteDatabase:
    """An SQLite database: a connection for each thread that is at work, none held between commands.

    Args:
        path: the file; made on the first use, its folder too.
    """

    quick = True
    longest_pause = 0.03  # seconds between two looks at a lease; a look takes microseconds

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._idle: list[sqlite3.Connection] = []
        self._owner: tuple[int, int, int] = (0, 0, 0)

    @property
    def identity(self) -> Hashable:
        return ("sqlite", os.path.realpath(self.path))

    @property
    def address(self) -> str:
        return f"sqlite:{self.path}"

    def perform(self, command: Command[T]) -> T:
        with _failures(self.path), self._connection() as connection:
            done: T = _perform(connection, command)
            return done

    def problems(self) -> list[str]:
        return []

    def close(self) -> None:
        self._let_go_of_strangers()
        while self._idle:
            self._idle.pop().close()

    def __del__(self) -> None:
        with suppress(AttributeError, sqlite3.Error, TypeError):  # also half made, or while the interpreter ends
            self.close()

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        self._let_go_of_strangers()
        owner = self._owner
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = connect(replacing.resolve(self.path))
            owner = self._owner = self._place()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if owner == self._owner:
            self._idle.append(connection)
        else:
            connection.close()

    def _let_go_of_strangers(self) -> None:
        """Forget connections that a fork brought along, and those to a file that has been put away meanwhile."""
        place = self._place()
        if place == self._owner:
            return
        idle, self._idle = self._idle, []
        if self._owner[0] not in {0, place[0]}:
            _parents.extend(idle)
        else:
            for connection in idle:
                connection.close()
        self._owner = place

    def _place(self) -> tuple[int, int, int]:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return os.getpid(), 0, 0
        return os.getpid(), status.st_dev, status.st_ino


def _perform(connection: sqlite3.Connection, command: Command[Any]) -> Any:  # noqa: ANN401 - as the command says
    match command:
        case ReadMany(logins):
            read = {login: _perform(connection, Read(login)) for login in logins}
            return {login: row for login, row in read.items() if row is not None}
        case SwapMany(swaps):
            with _transaction(connection):
                return {swap.login for swap in swaps if _perform(connection, swap)}
        case ReleaseMany(logins, owner):
            with _transaction(connection):
                return [_perform(connection, Release(login, owner)) for login in logins] and None
        case _:
            cursor = connection.execute(*DIALECT.statement(command))
            return answer(command, cursor.fetchall())


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    """Write many rows at the cost of one; an error closes the connection, and with it the transaction."""
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("COMMIT")


@contextmanager
def _failures(path: str) -> Generator[None]:
    """Turn what SQLite and the system say into StoreFailed."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
            raise StoreFailed(
                f"{path} is no database, but another program's file; it is left as it is",
                hint="Name another file: --store sqlite:/PATH",
            ) from error
        raise StoreFailed(f"{path} cannot be used: {error}", hint=_HINT) from error
    except (OSError, sqlite3.Error) as error:
        raise StoreFailed(f"{path} cannot be used: {getattr(error, 'strerror', None) or error}", hint=_HINT) from error
