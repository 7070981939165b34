"""The store on a PostgreSQL database."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable
from contextlib import suppress
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.stores.database.sql import Parameters, SqlStore
from traktauth.stores.encryption import Cipher
from traktauth.stores.open import parse_store_url
from traktauth.stores.postgres.driver import (
    ERRORS,
    LIMIT,
    Connection,
    connect,
    exposure,
    failure,
    is_connection_lost,
    rows_of,
    settings_of,
)
from traktauth.stores.postgres.schema import DIALECT, QUESTION, find_warnings, preparing, to_message

CONNECTIONS = 16  # by default, for each store object
TRIES = 2  # on new connections, one of which may be cut as it is made
# Connections that a forked child got from its parent. Closing one there would end the parent's session.
_inherited: list[Any] = []


class PostgresStore(SqlStore):
    """A store on a PostgreSQL; safe between threads and after a fork.

    No connection is held between statements. One that has died is replaced, and its statement done again, as every
    statement of ours may be; if a new one dies as well, once more.

    Args:
        url: as libpq takes it, with a setting `connections` of our own: at most so many at once.
        cipher: encrypts what is stored; None stores it in clear.

    Raises:
        ValueError: it is not the address of a PostgreSQL.
    """

    dialect = DIALECT
    longest_pause = 0.05  # seconds between two looks at a lease

    def __init__(self, url: str, *, cipher: Cipher | None = None) -> None:
        parts = parse_store_url(url, "connections")
        super().__init__(parts.address, cipher)
        self._settings = settings_of(parts.url)
        self._idle: list[Connection] = []
        self._pid = os.getpid()
        self._ready = False
        self._connections = parts.count("connections", CONNECTIONS)
        self._free = threading.BoundedSemaphore(self._connections)

    @property
    def identity(self) -> Hashable:
        names = ("service", "servicefile", "host", "hostaddr", "port", "dbname", "user", "options")
        return "postgres", *(self._settings.get(name) for name in names)

    def _idle_one(self) -> Connection | None:
        """Return an idle connection, or None where a new one has to be made."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _exposure(self) -> list[str]:
        """Return who may read what goes through the connection that was used last."""
        return [problem for connection in self._idle[-1:] for problem in exposure(connection)]

    def _take_inherited(self) -> list[Connection]:
        """Return idle connections that a forked child got from its parent, and forget them."""
        idle, self._idle = self._idle, []
        self._pid = os.getpid()
        return idle

    def __del__(self) -> None:
        with suppress(AttributeError, TypeError):  # half made, or while the interpreter ends
            if self._pid == os.getpid():
                for connection in self._idle:
                    connection.close()

    def execute(self, text: str, values: Parameters) -> list[Any]:
        return self._run(to_message(text), values)

    def durability_warnings(self) -> list[str]:
        return find_warnings(self._run(QUESTION, {})[0]) + self._exposure()

    def close(self) -> None:
        while (connection := self._idle_one()) is not None:
            connection.close()

    def _run(self, text: bytes, values: dict[str, Any]) -> list[Any]:
        if self._pid != os.getpid():
            _inherited.extend(self._take_inherited())
            self._free = threading.BoundedSemaphore(self._connections)
        if not self._free.acquire(timeout=LIMIT):
            failed = StoreFailed(f"{self.place} is too busy: all {self._connections} connections are in use")
            failed.temporary = True
            raise failed
        try:
            try:
                return self._run_somewhere(text, values)
            except ERRORS as error:
                failed = failure(self.place, error)
            raise failed
        finally:
            self._free.release()

    def _run_somewhere(self, text: bytes, values: dict[str, Any]) -> list[Any]:
        fresh = 0
        while True:
            connection = self._idle_one()
            fresh += connection is None
            try:
                return self._run_on(connection or self._connect(), text, values)
            except BaseException as error:
                if not is_connection_lost(error) or fresh == TRIES:
                    raise

    def _run_on(self, connection: Connection, text: bytes, values: dict[str, Any]) -> list[Any]:
        try:
            rows = rows_of(connection, text, values)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return rows

    def _connect(self) -> Connection:
        connection = connect(self._settings)
        if self._ready:
            return connection
        try:
            steps, rows = preparing(self.place), None
            while True:
                rows = rows_of(connection, (next(steps) if rows is None else steps.send(rows)).encode(), {})
        except StopIteration:
            self._ready = True
        except BaseException:
            connection.close()
            raise
        return connection
