"""The one thread that writes: it takes what waits, runs it in one transaction, commits, and only then answers."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any, Protocol

from traktauth.server.refusals import OUTCOMES
from traktauth.server.storage.base import Connection, StorageDown
from traktauth.server.storage.tables import Tables

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

LARGEST_GROUP = 256
LONGEST_TURN = 0.02
"""Seconds to wait for a loop to pass on what was answered and to hear who is next."""

Work = tuple["Callable[[Tables], Any]", "asyncio.Future[Any]"]
Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]


class WritableConnection(Connection, Protocol):
    """A connection that can begin and end a transaction."""

    def begin(self) -> None:
        """Begin to write."""
        ...

    def commit(self) -> None:
        """Make what was written last."""
        ...

    def rollback(self) -> None:
        """Undo what was written, if anything was begun."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


class Writer:
    """A queue of work and the thread that does it.

    *broken* is the driver's error: the database's fault, not the work's. *tell* hears what the work had to tell, once
    it is committed.
    """

    def __init__(
        self, connection: WritableConnection, broken: type[Exception], tell: Callable[[list[str]], None]
    ) -> None:
        self._connection = connection
        self._broken = broken
        self._tell = tell
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="local-trakt-writer", daemon=True)
        self._thread.start()

    def put(self, work: Callable[[Tables], Any], answer: asyncio.Future[Any]) -> None:
        """Have *work* done; *answer* gets its result after the commit."""
        self._queue.put((work, answer))

    def close(self) -> None:
        """Do what still waits, then end the thread and let go of the database."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        """Do groups of work until told to end."""
        while not self._ending:
            first = self._queue.get()
            self._ending = first is None
            group = ([] if first is None else [first]) + self._waiting(LARGEST_GROUP - 1)
            if group:
                self._do(group)

    def _waiting(self, most: int | None = None) -> list[Work]:
        """Take what waits, and no more than *most*."""
        taken: list[Work] = []
        with contextlib.suppress(queue.Empty):
            while not self._ending and (most is None or len(taken) < most):
                work = self._queue.get_nowait()
                if work is None:
                    self._ending = True
                else:
                    taken.append(work)
        return taken

    def _do(self, group: list[Work]) -> None:
        """Do a group in one transaction; where one piece fails, each in a transaction of its own."""
        try:
            self._connection.begin()
        except Exception as error:  # noqa: BLE001 - handed to whoever asked for the work
            self._undo()
            # Whoever has come since has waited for the same thing: nobody's turn would be any better.
            self._answer([(answer, None, self._told(error)) for _, answer in group + self._waiting()])
            return
        outcomes = self._attempt(group)
        self._answer([self._alone(work) for work in group] if outcomes is None else outcomes)

    def _answer(self, outcomes: list[Outcome]) -> None:
        """Give each its outcome, and let its loop have a turn: who is next has then come, and is done together."""
        of_loops: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
        for outcome in outcomes:
            of_loops.setdefault(outcome[0].get_loop(), []).append(outcome)
        for loop, of_loop in of_loops.items():
            heard = threading.Event()
            try:
                loop.call_soon_threadsafe(_deliver, of_loop)
                loop.call_soon_threadsafe(loop.call_soon, heard.set)  # behind those whom the answers wake
            except RuntimeError:  # the loop has ended: nobody waits any more
                continue
            heard.wait(LONGEST_TURN)

    def _attempt(self, group: list[Work]) -> list[Outcome] | None:
        """Do a group in the transaction that has begun; None if something failed and all of it has been undone."""
        tables = Tables(self._connection)
        outcomes: list[Outcome] = []
        try:
            for work, answer in group:
                try:
                    outcomes.append((answer, work(tables), None))
                except OUTCOMES as refusal:
                    outcomes.append((answer, None, refusal))
            self._connection.commit()
        except Exception:  # noqa: BLE001 - whatever it was, each piece is tried again alone and reports its own
            self._undo()
            return None
        self._tell(tables.events)
        return outcomes

    def _alone(self, piece: Work) -> Outcome:
        """Do one piece in its own transaction."""
        work, answer = piece
        tables = Tables(self._connection)
        refusal: BaseException | None = None
        result: Any = None
        try:
            self._connection.begin()
            try:
                result = work(tables)
            except OUTCOMES as outcome:
                refusal = outcome
            self._connection.commit()
        except Exception as error:  # noqa: BLE001 - handed to whoever asked for the work
            self._undo()
            return answer, None, self._told(error)
        self._tell(tables.events)
        return answer, result, refusal

    def _told(self, error: Exception) -> Exception:
        """Tell the database's fault from the work's."""
        return StorageDown(str(error)) if isinstance(error, self._broken) else error

    def _undo(self) -> None:
        """Undo a transaction."""
        try:
            self._connection.rollback()
        except self._broken:  # nothing to undo, or no database: the next piece of work will tell
            return


def _deliver(outcomes: list[Outcome]) -> None:
    """Give results and refusals to those who wait, on their loop."""
    for answer, result, error in outcomes:
        if answer.done():  # whoever waited has given up
            continue
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)
