"""The store on a database, as a keeper needs it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.stores import transitions
from traktauth.stores.adatabase import AsyncDatabaseStore
from traktauth.stores.batches import Batch
from traktauth.stores.commands import Claim, CountDue, Hold, Read, ReadMany, ReleaseMany, Spend, Swap, SwapMany
from traktauth.stores.database import TRIES
from traktauth.stores.fleet import FleetStore
from traktauth.stores.rows import new_revision, with_told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traktauth.models import Login, Record, Renewal
    from traktauth.stores.batches import Step
    from traktauth.stores.commands import AsyncDatabase
    from traktauth.stores.fleet import Saving
    from traktauth.stores.rows import Row
    from traktauth.stores.sealing import Sealer


class DatabaseFleet(AsyncDatabaseStore, FleetStore):
    """Same as `AsyncDatabaseStore`, and with a keeper's verbs.

    What was claimed is remembered, so that it need not be read again before it is changed.
    """

    def __init__(self, database: AsyncDatabase, *, sealer: Sealer | None = None, cache: float = 0.0) -> None:
        super().__init__(database, sealer=sealer, cache=cache)
        self._claimed: dict[Login, Row] = {}

    async def claim(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, lease: float, owner: str
    ) -> list[tuple[Login, Record | StoreFailed]]:
        claim = Claim(realm, client_id, before=before, now=now, limit=limit, seconds=lease, owner=owner)
        claimed: list[tuple[Login, Record | StoreFailed]] = []
        for login, row in await self.database.perform(claim):
            try:
                claimed.append((login, self._reading.record(login, row, known=False)))
            except StoreFailed as error:
                claimed.append((login, error))
                continue
            self._claimed[login] = row
        return claimed

    async def release(self, logins: Sequence[Login], *, owner: str) -> None:
        for login in logins:
            self._claimed.pop(login, None)
        if logins:
            await self.database.perform(ReleaseMany(tuple(logins), owner))

    async def postpone(self, login: Login, generation: int, *, until: float) -> None:
        def later(row: Row) -> Row | None:
            if row.generation != generation or row.due_at is None or row.due_at >= until:
                return None
            return replace(row, due_at=until, revision=new_revision())

        await self._change_row(login, later)

    async def settle(self, login: Login, generation: int) -> None:
        def never(row: Row) -> Row | None:
            if row.generation != generation or row.due_at is None:
                return None
            return replace(row, due_at=None, revision=new_revision())

        await self._change_row(login, never)

    async def tell_once(self, login: Login, generation: int, what: str) -> bool:
        return await self._change_row(login, lambda row: with_told(row, what) if row.generation == generation else None)

    async def begin_many(self, renewals: Sequence[tuple[Login, Renewal]]) -> list[bool]:
        return await self._change_many(
            [(login, partial(transitions.begun, renewal=renewal)) for login, renewal in renewals]
        )

    async def save_many(self, savings: Sequence[Saving], *, at: float) -> list[bool]:
        return await self._change_many(
            [(one.login, partial(transitions.saved, token=one.token, after=one.after, at=at)) for one in savings]
        )

    async def count_due(self, realm: str, client_id: str, *, before: float) -> int:
        return await self.database.perform(CountDue(realm, client_id, before))

    async def take(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        return await self.database.perform(Spend(realm, wanted, limit, period))

    async def hold(self, realm: str, seconds: float) -> None:
        await self.database.perform(Hold(realm, seconds))

    async def _change_many(self, steps: Sequence[tuple[Login, Step]]) -> list[bool]:
        """Take many steps, each by compare-and-swap, in as few statements as it goes."""
        known = {login: self._claimed[login] for login, _ in steps if login in self._claimed}
        batch = Batch(steps, known, reading=self._reading, sealer=self._sealer)
        for _ in range(TRIES):
            if batch.finished:
                return batch.answers
            unread = batch.unread()
            rows = await self.database.perform(ReadMany(unread)) if unread else {}
            swaps = batch.swaps(rows)
            done: set[Login] = await self.database.perform(SwapMany(swaps)) if swaps else set()
            for login, row in batch.settle(done).items():
                self._reading.forget(login)
                if login in self._claimed:
                    self._claimed[login] = row
        raise StoreFailed("Others changed these logins without end, so they could not be changed")

    async def _change_row(self, login: Login, step: Callable[[Row], Row | None]) -> bool:
        """Change what is no part of a record; False where there is nothing to change."""
        written = None
        for _ in range(TRIES):
            row = await self.database.perform(Read(login))
            if row is not None and row.revision == written:
                return True
            new = None if row is None else step(row)
            if row is None or new is None:
                return False
            if await self.database.perform(Swap(login, row.revision, new)):
                self._claimed.pop(login, None)
                return True
            written = new.revision
        raise StoreFailed("Others changed this login without end, so it could not be changed")
