"""The SQLite storages: a file, and this process's memory.

A file is written by one thread that commits in groups (WAL, `synchronous=FULL`: what was answered survives a power
cut) and read on a connection of its own. A database in memory is used in the request's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth import private_files
from traktauth.server.errors import PROTOCOL_ERRORS
from traktauth.server.storage.base import StorageUnavailable
from traktauth.server.storage.outage import READ, WRITE, Outage
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.sqlite.connection import DatabaseFile, SqliteConnection, SqliteFileConnection, prepare
from traktauth.server.storage.sqlite.inspection import is_initialized

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = tuple[Callable[[Repositories], Any], asyncio.Future[Any]]
    Outcome = tuple[asyncio.Future[Any], Any, BaseException | None]

T = TypeVar("T")
CACHE_KIB = 20_000
"""Memory for pages of the file, for the writer: with SQLite's own 2 MB a refresh costs a third more at 10⁶ tokens."""
LARGEST_GROUP = 256
LOOP_YIELD_SECONDS = 0.02
"""Seconds to wait until a loop has passed on the results and has read the next requests."""


class SqliteFile:
    """A `Storage` in a file.

    Args:
        path: the file; made if it does not exist.
        on_commit: is called with the events of each transaction.
        makes_folder: whether the folder is made as well; else a mistyped path would go unnoticed.

    Raises:
        StorageUnavailable: the file cannot be opened, is another program's, or was made by a newer version.
    """

    def __init__(self, path: Path, on_commit: Callable[[list[str]], None], *, makes_folder: bool = False) -> None:
        is_initialized(path, needs_folder=not makes_folder)  # what is another program's is left as it is
        with contextlib.ExitStack() as refused:
            try:
                path = Path(private_files.resolve(str(path)))
                private_files.make_folder(str(path.parent))
                private_files.make_file(str(path))
                private_files.check_database(str(path))
                file = DatabaseFile(path)
                connection = SqliteFileConnection(file, cache_kib=CACHE_KIB)
                refused.callback(connection.close)
                prepare(connection)
                self._reader = SqliteFileConnection(file)
                refused.callback(self._reader.close)
                private_files.check_database(str(path))  # the files beside it, which are there by now
            except (OSError, sqlite3.Error) as error:
                raise StorageUnavailable(f"The database {path} cannot be used: {error}") from error
            refused.pop_all()  # it is good, and stays open
        self._connection = connection
        self._outage = Outage()
        self._writer = Writer(connection, on_commit, self._outage)

    def run_sync(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* in the calling thread; see `OpenStorage.run_sync`."""
        return _run_sync(self._connection, work)

    async def write(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* on the writer's thread; see `Storage.write`."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.put(work, future)
        return await future

    async def read(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* on the reading connection; see `Storage.read`."""
        with self._outage.watch(READ):
            try:
                self._reader.settle()
                return work(Repositories(self._reader))
            except sqlite3.Error as error:
                raise StorageUnavailable(str(error)) from error

    def close(self) -> None:
        """Finish the work that was begun and close the file."""
        self._writer.close()
        self._reader.close()


class SqliteMemory:
    """A `Storage` in this process's memory, gone with it."""

    def __init__(self, on_commit: Callable[[list[str]], None]) -> None:
        self._connection = SqliteConnection(":memory:")
        self._on_commit = on_commit
        prepare(self._connection)

    def run_sync(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* in the calling thread; see `OpenStorage.run_sync`."""
        return _run_sync(self._connection, work)

    async def write(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* at once; see `Storage.write`."""
        return _transaction(self._connection, work, self._on_commit)

    async def read(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* at once; see `Storage.read`."""
        return work(Repositories(self._connection))

    def close(self) -> None:
        """Delete everything."""
        self._connection.close()


class Writer:
    """The thread that writes: it runs the work that waits in one transaction, and returns results after the commit."""

    def __init__(self, connection: SqliteConnection, on_commit: Callable[[list[str]], None], outage: Outage) -> None:
        self._connection = connection
        self._record_events = on_commit
        self._outage = outage
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="local-trakt-writer", daemon=True)
        self._thread.start()

    def put(self, work: Callable[[Repositories], Any], future: asyncio.Future[Any]) -> None:
        """Let the thread run *work*; *answer* gets its result after the commit."""
        self._queue.put((work, future))

    def close(self) -> None:
        """Run the work that still waits, then end the thread and close the connection."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        """Run groups of work until the writer is closed."""
        while not self._ending:
            first = self._queue.get()
            self._ending = first is None
            group = ([] if first is None else [first]) + self._waiting(LARGEST_GROUP - 1)
            if group:
                self._run(group)

    def _waiting(self, most: int | None = None) -> list[Work]:
        """Take the work that waits, *most* pieces at most."""
        taken: list[Work] = []
        with contextlib.suppress(queue.Empty):
            while not self._ending and (most is None or len(taken) < most):
                work = self._queue.get_nowait()
                if work is None:
                    self._ending = True
                else:
                    taken.append(work)
        return taken

    def _run(self, group: list[Work]) -> None:
        """Run a group in one transaction; if one piece fails, each in a transaction of its own."""
        try:
            self._connection.begin()
        except Exception as error:  # noqa: BLE001 - handed to the caller
            _rollback(self._connection)
            # Requests that have come since would fail in the same way.
            self._resolve([(future, None, self._translate_error(error)) for _, future in group + self._waiting()])
            return
        outcomes = self._run_group(group)
        self._resolve([self._run_single(work) for work in group] if outcomes is None else outcomes)

    def _resolve(self, outcomes: list[Outcome]) -> None:
        """Pass on the outcomes and let the loops run, so that the requests that follow are committed together."""
        of_loops: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
        for outcome in outcomes:
            of_loops.setdefault(outcome[0].get_loop(), []).append(outcome)
        for loop, of_loop in of_loops.items():
            woken = threading.Event()
            try:
                loop.call_soon_threadsafe(_deliver, of_loop)
                loop.call_soon_threadsafe(loop.call_soon, woken.set)  # after the tasks that the outcomes wake
            except RuntimeError:  # the loop has ended, and its callers with it
                continue
            woken.wait(LOOP_YIELD_SECONDS)

    def _run_group(self, group: list[Work]) -> list[Outcome] | None:
        """Run a group in the transaction that has begun; return None if something failed and it was rolled back."""
        db = Repositories(self._connection)
        outcomes: list[Outcome] = []
        try:
            for work, future in group:
                try:
                    outcomes.append((future, work(db), None))
                except PROTOCOL_ERRORS as refusal:
                    outcomes.append((future, None, refusal))
            self._connection.commit()
        except Exception:  # noqa: BLE001 - each piece is run again alone and reports its own
            _rollback(self._connection)
            return None
        self._on_commit(db.events)
        return outcomes

    def _run_single(self, piece: Work) -> Outcome:
        """Run one piece in its own transaction."""
        work, future = piece
        try:
            return future, _transaction(self._connection, work, self._on_commit), None
        except Exception as error:  # noqa: BLE001 - handed to the caller
            return future, None, self._translate_error(error)

    def _on_commit(self, events: list[str]) -> None:
        self._record_events(events)
        self._outage.note_success(WRITE)

    def _translate_error(self, error: Exception) -> Exception:
        """Return the error for the caller, `StorageUnavailable` for one of the database, which is noted."""
        if isinstance(error, sqlite3.Error):
            error = StorageUnavailable(str(error))
        if isinstance(error, StorageUnavailable):
            self._outage.note_failure(WRITE, error)
        return error


def _deliver(outcomes: list[Outcome]) -> None:
    """Pass on results and errors, in the callers' loop."""
    for future, result, error in outcomes:
        if future.done():  # the caller was cancelled
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _transaction(
    connection: SqliteConnection, work: Callable[[Repositories], T], on_commit: Callable[[list[str]], None]
) -> T:
    """Run *work* in a transaction; see `Storage.write`."""
    db = Repositories(connection)
    refusal: BaseException | None = None
    result: Any = None
    try:
        connection.begin()
        try:
            result = work(db)
        except PROTOCOL_ERRORS as error:  # a result, too: what was written before stays
            refusal = error
        connection.commit()
    except BaseException:
        _rollback(connection)
        raise
    on_commit(db.events)
    if refusal is not None:
        raise refusal
    return result  # type: ignore[no-any-return] # the result of work, without a refusal


def _run_sync(connection: SqliteConnection, work: Callable[[Repositories], T]) -> T:
    try:
        return _transaction(connection, work, lambda _: None)
    except sqlite3.Error as error:
        raise StorageUnavailable(f"The database cannot be used: {error}") from error


def _rollback(connection: SqliteConnection) -> None:
    with contextlib.suppress(sqlite3.Error):  # the next transaction reports a database that cannot be used
        connection.rollback()
