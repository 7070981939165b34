"""The `Storage` in a PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.server.storage.base import StorageDown
from traktauth.server.storage.postgres.driver import Cut, Rejected, connected, settings_of
from traktauth.server.storage.postgres.lane import Lane, Outcome
from traktauth.server.storage.postgres.schema import ALONE, prepare

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from traktauth.server.storage.postgres.steps import Work
    from traktauth.server.storage.tables import Tables

    Do = Callable[[Lane, Sequence[Work]], Awaitable[Sequence[Outcome]]]

T = TypeVar("T")
LARGEST_GROUP = 256
WRITERS, READERS = 2, 1
"""Connections of each process: while one group's answers travel, the next one is worked on."""


class Postgres:
    """A database that other processes may use at the same time.

    No connection is open before the first request, so a process may be forked from one that has made this.

    Raises:
        ValueError: the address is none.
        StorageDown: the database cannot be used, or was made by a newer version.
    """

    def __init__(self, address: str, tell: Callable[[list[str]], None]) -> None:
        self._connect = partial(connected, settings_of(address))
        self._tell = tell
        self._writes = Queue(self._connect, WRITERS, Lane.write, tell)
        self._reads = Queue(self._connect, READERS, Lane.read, tell)
        try:
            self._in_a_loop(prepare)
        except (Rejected, Cut) as error:
            raise StorageDown(f"This PostgreSQL cannot be used: {error}") from error

    def at_once(self, work: Callable[[Tables], T]) -> T:
        """Run *work* here and now, before anything is served, while no other process does so.

        Raises:
            StorageDown: the database is gone.
        """
        outcome = self._in_a_loop(lambda lane: lane.write([work], opening=(ALONE,)))[0]
        if outcome.error is not None:
            raise outcome.error
        result: T = outcome.result
        return result

    async def write(self, work: Callable[[Tables], T]) -> T:
        """Run *work* in a transaction; see `Storage.write`."""
        result: T = await self._writes.put(work)
        return result

    async def read(self, look: Callable[[Tables], T]) -> T:
        """Run *look* on what has been committed; see `Storage.read`."""
        result: T = await self._reads.put(look)
        return result

    def close(self) -> None:
        """Hang up; those who wait for an answer have had it, as the server lets them have it first."""
        self._writes.close()
        self._reads.close()

    def _in_a_loop(self, use: Callable[[Lane], Coroutine[Any, Any, T]]) -> T:
        """Use a connection before or beside the server's own loop.

        In a thread only where the caller is in a loop: who forks workers must have had none. A thread that ends holds a
        lock of OpenSSL's for a moment, and a worker that is forked just then would wait for it without end.
        """

        async def used() -> T:
            lane = Lane(self._connect)
            try:
                return await use(lane)
            finally:
                lane.close()

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(used())
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, used()).result()


class Queue:
    """Work that waits for one of a few lanes; what has come meanwhile is done together."""

    def __init__(
        self, connect: Callable[[], Awaitable[Any]], lanes: int, do: Do, tell: Callable[[list[str]], None]
    ) -> None:
        self._lanes = [Lane(connect) for _ in range(lanes)]
        self._idle = list(self._lanes)
        self._do = do
        self._tell = tell
        self._waiting: deque[tuple[Work, asyncio.Future[Any]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, work: Work) -> asyncio.Future[Any]:
        """Have *work* done; its answer comes after the commit."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, answer))
        if self._idle and len(self._waiting) == 1:
            task = asyncio.create_task(self._serve(self._idle.pop()))  # begins after what else comes in this turn
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return answer

    def close(self) -> None:
        """Hang up on all lanes."""
        for lane in self._lanes:
            lane.close()

    async def _serve(self, lane: Lane) -> None:
        """Do groups of work on a lane until none waits."""
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_GROUP))]
                await self._done(lane, group)
        finally:
            self._idle.append(lane)

    async def _done(self, lane: Lane, group: list[tuple[Work, asyncio.Future[Any]]]) -> None:
        try:
            outcomes = await self._do(lane, [work for work, _ in group])
        except Exception as error:  # noqa: BLE001 - a fault of ours, or a fate that nobody knows: all who wait hear of it
            lane.close()
            outcomes = [Outcome(error=error)] * len(group)
        events = [event for outcome in outcomes for event in outcome.events]
        if events:
            self._tell(events)
        for (_, answer), outcome in zip(group, outcomes, strict=True):
            if answer.done():  # whoever waited has given up
                continue
            if outcome.error is None:
                answer.set_result(outcome.result)
            else:
                answer.set_exception(outcome.error)
