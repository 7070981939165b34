"""Commands performed in a PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.errors import StoreFailed
from traktauth.stores.commands import SwapMany
from traktauth.stores.postgres.driver import LIMIT, connect, connect_async, died, failures, returns_rows, settings_of
from traktauth.stores.postgres.durability import QUESTION, problems
from traktauth.stores.postgres.schema import preparing
from traktauth.stores.postgres.statements import answered, joined, parts_of, statement

if TYPE_CHECKING:
    from collections.abc import Hashable

    from traktauth.stores.commands import Command, Database
    from traktauth.stores.postgres.driver import AsyncConnection, Connection

T = TypeVar("T")

CONNECTIONS = 16
# Connections that a forked child got from its parent. Closing one there would end the parent's session.
_parents: list[Any] = []


class _Place:
    """Which PostgreSQL."""

    longest_pause = 0.05  # seconds between two looks at a lease
    quick: Any = False

    def __init__(self, url: str, address: str) -> None:
        self.address = address
        self._settings = settings_of(url)
        names = ("host", "hostaddr", "port", "dbname", "user", "options")
        self.identity: Hashable = ("postgres", *(self._settings.get(name) for name in names))
        self._idle: list[Any] = []
        self._pid = os.getpid()
        self._ready = False

    def _strangers(self) -> list[Any]:
        """Return idle connections that a fork brought along."""
        idle, self._idle = self._idle, []
        self._pid = os.getpid()
        return idle

    def __del__(self) -> None:
        with suppress(AttributeError, TypeError):  # half made, or while the interpreter ends
            if self._pid == os.getpid():
                for connection in self._idle:
                    connection.pgconn.finish()  # the same for both kinds, and not awaited


class PostgresDatabase(_Place):
    """A PostgreSQL; safe between threads and after a fork.

    No connection is held between commands. One that has died is replaced, and its command done again, as every command
    of ours may be.

    Args:
        url: as libpq takes it.
        address: the same without password.
    """

    def __init__(self, url: str, *, address: str) -> None:
        super().__init__(url, address)
        self._free = threading.BoundedSemaphore(CONNECTIONS)

    def perform(self, command: Command[T]) -> T:
        done: T
        if isinstance(command, SwapMany):
            done = joined([(part, self._one(part)) for part in parts_of(command)])  # type: ignore[assignment] # its T
        else:
            done = self._one(command)
        return done

    def problems(self) -> list[str]:
        return problems(self._run(QUESTION, {})[0])

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _one(self, command: Command[Any]) -> Any:  # noqa: ANN401 - as the command says
        return answered(command, self._run(*statement(command)))

    def _run(self, text: bytes, values: dict[str, Any]) -> list[Any]:
        if self._pid != os.getpid():
            _parents.extend(self._strangers())
            self._free = threading.BoundedSemaphore(CONNECTIONS)
        if not self._free.acquire(timeout=LIMIT):
            raise StoreFailed(f"{self.address} is too busy: all {CONNECTIONS} connections are in use")
        try:
            with failures(self.address):
                return self._run_somewhere(text, values)
        finally:
            self._free.release()

    def _run_somewhere(self, text: bytes, values: dict[str, Any]) -> list[Any]:
        while self._idle:
            with suppress(IndexError):
                connection = self._idle.pop()
                try:
                    return self._run_on(connection, text, values)
                except BaseException as error:
                    if not died(error):
                        raise
        return self._run_on(self._connected(), text, values)

    def _run_on(self, connection: Connection, text: bytes, values: dict[str, Any]) -> list[Any]:
        try:
            cursor = connection.execute(text, values)
            rows = cursor.fetchall() if returns_rows(cursor) else []
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return rows

    def _connected(self) -> Connection:
        connection = connect(self._settings)
        if self._ready:
            return connection
        try:
            steps, rows = preparing(self.address), None
            while True:
                cursor = connection.execute((next(steps) if rows is None else steps.send(rows)).encode())
                rows = cursor.fetchall() if returns_rows(cursor) else []
        except StopIteration:
            self._ready = True
        except BaseException:
            connection.close()
            raise
        return connection


class AsyncPostgresDatabase(_Place):
    """The same for one event loop."""

    quick: Database | None = None

    def __init__(self, url: str, *, address: str) -> None:
        super().__init__(url, address)
        self._free = asyncio.Semaphore(CONNECTIONS)

    async def perform(self, command: Command[T]) -> T:
        done: T
        if isinstance(command, SwapMany):
            done = joined([(part, await self._one(part)) for part in parts_of(command)])  # type: ignore[assignment] # its T
        else:
            done = await self._one(command)
        return done

    async def problems(self) -> list[str]:
        return problems((await self._run(QUESTION, {}))[0])

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    async def _one(self, command: Command[Any]) -> Any:  # noqa: ANN401 - as the command says
        return answered(command, await self._run(*statement(command)))

    async def _run(self, text: bytes, values: dict[str, Any]) -> list[Any]:
        if self._pid != os.getpid():
            _parents.extend(self._strangers())
            self._free = asyncio.Semaphore(CONNECTIONS)
        async with self._free:
            with failures(self.address):
                return await self._run_somewhere(text, values)

    async def _run_somewhere(self, text: bytes, values: dict[str, Any]) -> list[Any]:
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._run_on(connection, text, values)
            except BaseException as error:
                if not died(error):
                    raise
        return await self._run_on(await self._connected(), text, values)

    async def _run_on(self, connection: AsyncConnection, text: bytes, values: dict[str, Any]) -> list[Any]:
        try:
            cursor = await connection.execute(text, values)
            rows = await cursor.fetchall() if returns_rows(cursor) else []
        except BaseException:
            await connection.close()
            raise
        self._idle.append(connection)
        return rows

    async def _connected(self) -> AsyncConnection:
        connection = await connect_async(self._settings)
        if self._ready:
            return connection
        try:
            steps, rows = preparing(self.address), None
            while True:
                cursor = await connection.execute((next(steps) if rows is None else steps.send(rows)).encode())
                rows = await cursor.fetchall() if returns_rows(cursor) else []
        except StopIteration:
            self._ready = True
        except BaseException:
            await connection.close()
            raise
        return connection
