"""The store on a database, awaited; in step with `traktauth.stores.database`."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.stores import transitions
from traktauth.stores.abase import AsyncTokenStore
from traktauth.stores.commands import Names, Read, Release, Swap, Take, Try
from traktauth.stores.database import TRIES
from traktauth.stores.leases import LATE, LEASE, Wait, new_owner, steady_clock
from traktauth.stores.reading import Reading
from traktauth.stores.rows import to_row
from traktauth.stores.threads import settled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable

    from traktauth.models import Login, Record, Renewal, Token
    from traktauth.stores.commands import AsyncDatabase
    from traktauth.stores.sealing import Sealer


class AsyncDatabaseStore(AsyncTokenStore):
    """Same as `DatabaseStore`, but its verbs are awaited."""

    def __init__(self, database: AsyncDatabase, *, sealer: Sealer | None = None, cache: float = 0.0) -> None:
        self.database = database
        self._sealer = sealer
        self._reading = Reading(sealer, cache)

    @property
    def identity(self) -> Hashable:
        return self.database.identity

    @property
    def address(self) -> str:
        return f"sealed+{self.database.address}" if self._sealer else self.database.address

    async def load(self, login: Login) -> Record:
        record = self._reading.known(login)
        if record is None:
            record = self._reading.record(login, await self.database.perform(Read(login)))
        return record

    def peek(self, login: Login) -> Record | None:
        known = self._reading.known(login)
        if known is None and self.database.quick is not None:
            return self._reading.record(login, self.database.quick.perform(Read(login)))
        return known

    async def begin(self, login: Login, renewal: Renewal) -> bool:
        return await self._change(login, lambda record: transitions.begun(record, renewal))

    async def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        await self._change(login, lambda record: transitions.cancelled(record, renewal, before))

    async def save(self, login: Login, token: Token, *, after: int, at: float) -> bool:
        return await self._change(login, lambda record: transitions.saved(record, token, after, at))

    async def mark(self, login: Login, generation: int, why: str | None) -> None:
        await self._change(login, lambda record: transitions.marked(record, generation, why))

    async def forget(self, login: Login, generation: int) -> None:
        await self._change(login, lambda record: transitions.forgotten(record, generation))

    async def hand_over(self, login: Login, generation: int, to: str) -> bool:
        return await self._change(login, lambda record: transitions.handed_over(record, generation, to))

    async def reseal(self, login: Login) -> bool:
        row = await self.database.perform(Read(login))
        return self._reading.needs_sealing(row) and await self._change(login, lambda record: record)

    @asynccontextmanager
    async def exclusive(self, login: Login, patience: float) -> AsyncGenerator[bool]:
        owner, held = new_owner(), False
        try:
            held = await self._taken(login, owner, Wait(patience, self.database.longest_pause))
        except asyncio.CancelledError:
            await self._release(login, owner)  # it may have been taken in the very moment
            raise
        self._reading.forget(login)
        try:
            yield held
        finally:
            if held:
                await self._release(login, owner)

    async def logins(self) -> list[Login]:
        names = await self.database.perform(Names())
        return sorted(names)

    async def check(self) -> None:
        if self._sealer is not None:
            self._sealer.seal(b"", b"")
        await self.database.perform(Try())

    async def problems(self) -> list[str]:
        return await self.database.problems()

    async def close(self) -> None:
        await self.database.close()

    async def _taken(self, login: Login, owner: str, wait: Wait) -> bool:
        while not await self._take(login, owner):
            pause = wait.pause()
            if not pause:
                return False
            await asyncio.sleep(pause)
        return True

    async def _take(self, login: Login, owner: str) -> bool:
        """Same as `DatabaseStore._take`."""
        while True:
            asked_at = steady_clock()
            held = await self.database.perform(Take(login, owner, LEASE))
            if not held or steady_clock() - asked_at < LATE:
                return held

    async def _change(self, login: Login, step: Callable[[Record], Record | None]) -> bool:
        """Same as `DatabaseStore._change`."""
        self._reading.forget(login)
        written = None
        for _ in range(TRIES):
            row = await self.database.perform(Read(login))
            if row is not None and row.revision == written:
                return True  # it was done, and the answer to it lost
            record = step(self._reading.record(login, row, known=False))
            if record is None:
                return False
            new = to_row(login, record, self._sealer, before=row)
            if await self.database.perform(Swap(login, row.revision if row else None, new)):
                self._reading.learn(login, new, record)
                return True
            written = new.revision
        raise StoreFailed("Others changed this login without end, so it could not be changed")

    async def _release(self, login: Login, owner: str) -> None:
        """Give the lease back, through every cancellation; where the database is gone, it ends by itself."""
        try:
            await settled(asyncio.ensure_future(self.database.perform(Release(login, owner))))
        except StoreFailed:
            return
