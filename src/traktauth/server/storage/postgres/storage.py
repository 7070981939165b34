"""The `Storage` in a PostgreSQL: a plain transaction for each request, in worker threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.server.errors import PROTOCOL_ERRORS
from traktauth.server.storage.base import StorageUnavailable
from traktauth.server.storage.outage import READ, WRITE, Outage
from traktauth.server.storage.postgres import connection as driver
from traktauth.server.storage.postgres.schema import LOCK, prepare
from traktauth.server.storage.repositories import Repositories

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.storage.postgres.connection import PsycopgConnection

T = TypeVar("T")
ATTEMPTS = 5


class PostgresStorage:
    """A database that other processes may use at the same time.

    No connection or thread exists before the first request, so that a process may be forked after this was made. A
    thread opens its connection when it needs one, and again after it was lost: while the database is down a request
    fails at once, and when it is back the next request works. A pool would retry in the background, after a pause.

    Args:
        address: `postgresql://…`.
        on_commit: is called with the events of each transaction.

    Raises:
        ValueError: the address is malformed.
        StorageUnavailable: the database cannot be used, or was made by a newer version.
    """

    def __init__(self, address: str, on_commit: Callable[[list[str]], None]) -> None:
        self._parameters = driver.parse_address(address)
        self._on_commit = on_commit
        self._outage = Outage()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._connections: set[PsycopgConnection] = set()
        self._executor = ThreadPoolExecutor(driver.CONNECTIONS, thread_name_prefix="local-trakt-postgres")
        with driver.connect(self._parameters) as connection:
            try:
                prepare(connection)
            except driver.Error as error:
                hint = "" if connection.prepare_threshold == 0 else driver.POOLER_HINT
                raise driver.unusable(error, hint) from None

    def run_sync(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* in a transaction, while no other process does so; see `OpenStorage.run_sync`."""

        def alone(db: Repositories) -> T:
            connection.execute(LOCK)
            return work(db)

        with driver.connect(self._parameters) as connection:
            try:
                return self._transaction(connection, alone)
            except driver.Error as error:
                raise StorageUnavailable(driver.first_line(error)) from None

    async def write(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* in a transaction; see `Storage.write`."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, WRITE, work)

    async def read(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* on committed data; see `Storage.read`."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, READ, work)

    def close(self) -> None:
        """Finish the work that was begun and close the connections."""
        self._executor.shutdown()
        for connection in self._connections:
            connection.close()

    def _run(self, kind: str, work: Callable[[Repositories], T]) -> T:
        """Read or write, and log if the database fails.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        with self._outage.watch(kind):
            return self._repeat(self._transaction if kind == WRITE else self._lookup, work)

    def _repeat(self, use: Callable[[PsycopgConnection, Callable[[Repositories], T]], T], work: Any) -> T:  # noqa: ANN401 - as `use` takes it
        """Use this thread's connection; try again after a lost connection or a lost race.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        attempt, message = 0, ""
        while not message:
            attempt += 1
            connection = self._connection()
            try:
                return use(connection, work)
            except driver.Error as error:
                is_first_loss = connection.closed and attempt == 1 and not isinstance(error, driver.ResponseTimeout)
                if attempt == ATTEMPTS or not (is_first_loss or error.sqlstate in driver.RETRYABLE):
                    message = driver.first_line(error)
        raise StorageUnavailable(message)

    def _transaction(self, connection: PsycopgConnection, work: Callable[[Repositories], T]) -> T:
        """Run *work* and commit what it wrote.

        Raises:
            StorageUnavailable: the connection was lost at the commit: it may or may not have been done.
            driver.Error: nothing was written.
        """
        db = Repositories(driver.StatementConnection(connection))
        connection.execute(driver.BEGIN, prepare=False)
        refusal: BaseException | None = None
        result: Any = None
        try:
            result = work(db)
        except PROTOCOL_ERRORS as error:  # a result, too: what was written before stays
            refusal = error
        except BaseException:
            if not connection.closed:
                connection.execute("ROLLBACK")
            raise
        try:
            connection.execute("COMMIT")
        except driver.Error:
            if not connection.closed:
                raise
        if connection.closed:
            raise StorageUnavailable("The connection to the database was lost at a commit, which may have been done")
        with self._lock:
            self._on_commit(db.events)
        if refusal is not None:
            raise refusal
        return result  # type: ignore[no-any-return] # the result of work, without a refusal

    @staticmethod
    def _lookup(connection: PsycopgConnection, work: Callable[[Repositories], T]) -> T:
        return work(Repositories(driver.StatementConnection(connection, locks=False)))

    def _connection(self) -> PsycopgConnection:
        """Return this thread's connection, opened again if it was lost."""
        connection: PsycopgConnection | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = self._local.connection = driver.connect(self._parameters)
            with self._lock:
                self._connections = {one for one in self._connections if not one.closed} | {connection}
        return connection
