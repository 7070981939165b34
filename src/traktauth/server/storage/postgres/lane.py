"""A connection, and the groups of work that go over it one after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from traktauth.server.storage.base import StorageDown
from traktauth.server.storage.postgres.dialect import said
from traktauth.server.storage.postgres.driver import Cut, Rejected
from traktauth.server.storage.postgres.fate import NO_SUCH_NUMBER, Marks
from traktauth.server.storage.postgres.steps import Reading, Writing, in_step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from traktauth.server.storage.postgres.dialect import Said
    from traktauth.server.storage.postgres.driver import Line, Reply
    from traktauth.server.storage.postgres.steps import Running, Work

BEGIN, COMMIT, ROLLBACK = said("BEGIN"), said("COMMIT"), said("ROLLBACK")
# The transaction's number is asked for so that its fate can be found out where the connection breaks at the commit.
ARM = "SELECT pg_current_xact_id()::text, set_config('lock_timeout', ?, true)"
GROUP_PATIENCE, PATIENCE = "300", "5000"  # milliseconds to wait for a row that another transaction holds
ATTEMPTS = 5
FATE_SECONDS, PAUSE_SECONDS = 10.0, 0.1


class Outcome(NamedTuple):
    """What came of a piece of work; *events* are to be told, as they have been committed."""

    result: Any = None
    error: BaseException | None = None
    events: Sequence[str] = ()


class Undone(Exception):
    """A piece of work failed, and its whole transaction has been undone."""


class Lane:
    """One connection, made when it is first needed and made anew when it has broken."""

    def __init__(self, connect: Callable[[], Awaitable[Line]]) -> None:
        self._connect = connect
        self._line: Line | None = None
        self._writing = Writing()
        self._reading = Reading()
        self._marks = Marks()

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
            self._line = None

    async def write(self, works: Sequence[Work], *, opening: Sequence[Said] = ()) -> list[Outcome]:
        """Do *works* in one transaction; where one fails, each in a transaction of its own."""
        for attempt in (1, 2):
            try:
                return await self._transaction(works, GROUP_PATIENCE, opening)
            except Cut as cut:  # what was begun is undone: it can be done again on a new connection
                if attempt == 2:  # noqa: PLR2004 - the second and last
                    return [Outcome(error=StorageDown(str(cut)))] * len(works)
            except (Rejected, Undone):
                break
        return await self._one_by_one(works, opening)

    async def read(self, looks: Sequence[Work]) -> list[Outcome]:
        """Do what only looks, each statement on what has been committed by then."""
        for attempt in (1, 2):
            try:
                line = await self._open()
                pieces = (await in_step(line, looks, self._reading))[0]
                return [Outcome(piece.result, piece.error) for piece in pieces]
            except Cut as cut:
                self.close()
                if attempt == 2:  # noqa: PLR2004 - the second and last
                    return [Outcome(error=StorageDown(str(cut)))] * len(looks)
            except Rejected as rejected:
                if len(looks) == 1:
                    return [Outcome(error=StorageDown(str(rejected)))]
                break
        return [(await self.read([look]))[0] for look in looks]

    async def ask(self, *statements: Said) -> list[Reply]:
        """Send statements together.

        Raises:
            Rejected, Cut: as the line does.
        """
        return await (await self._open()).exchange(statements)

    async def _one_by_one(self, works: Sequence[Work], opening: Sequence[Said]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for work in works:
            try:
                outcomes.append(await self._alone(work, opening))
            except Cut as cut:  # the others would each wait for a connection in vain
                down = Outcome(error=StorageDown(str(cut)))
                return outcomes + [down] * (len(works) - len(outcomes))
        return outcomes

    async def _alone(self, work: Work, opening: Sequence[Said]) -> Outcome:
        """Do one piece, again where another transaction was in its way.

        Raises:
            Cut: there is no connection.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return (await self._transaction([work], PATIENCE, opening))[0]
            except Undone as undone:
                return Outcome(error=undone.__cause__)
            except Rejected as rejected:
                if attempt == ATTEMPTS or not rejected.again:
                    return Outcome(error=StorageDown(str(rejected)))
            except Cut:
                if attempt > 1:
                    raise
        raise AssertionError  # the last attempt returns

    async def _transaction(self, works: Sequence[Work], patience: str, opening: Sequence[Said]) -> list[Outcome]:
        """Do work and commit it.

        Raises:
            Undone: a piece failed; the cause is its error.
            Rejected, Cut: as the line does. In each case nothing was done.
        """
        line = await self._open()
        try:
            begin = (BEGIN, said(ARM, (patience,)), *opening)
            pieces, opened = await in_step(line, works, self._writing, opening=begin)
            if opened:
                await self._end(line, pieces, str(opened[1].rows[0][0]))
        except Rejected:
            await line.exchange([ROLLBACK])
            raise
        except Cut:
            self.close()
            raise
        return [Outcome(piece.result, piece.error, piece.tables.events) for piece in pieces]

    async def _end(self, line: Line, pieces: list[Running], number: str) -> None:
        """Commit, unless a piece failed."""
        failed = next((piece for piece in pieces if piece.failed), None)
        if failed is not None:
            await line.exchange([ROLLBACK])
            raise Undone from failed.error
        try:
            await line.exchange([self._marks.mark(number), COMMIT])
        except Cut:
            self.close()
            if not await self._was_committed(number):
                raise

    async def _was_committed(self, number: str) -> bool:
        """Find out, on a new connection, what became of a transaction whose commit was not answered.

        Raises:
            StorageDown: that cannot be found out in time.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + FATE_SECONDS
        while loop.time() < until:
            committed = None
            try:
                committed = self._marks.committed(*await self.ask(*self._marks.asked(number)))
            except Cut:
                self.close()
            except Rejected as rejected:
                if rejected.state == NO_SUCH_NUMBER:
                    return False
            if committed is not None:
                return committed
            await asyncio.sleep(PAUSE_SECONDS)
        raise StorageDown("The connection to the database broke at a commit")

    async def _open(self) -> Line:
        if self._line is None:
            self._line = await self._connect()
        return self._line
