"""The keeper: claims what is due, at the service's pace, and has it renewed, many at once."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from traktauth.client.setup import Setup, steady_clock
from traktauth.errors import AppRejected, StoreFailed
from traktauth.keeper.asking import Asking
from traktauth.keeper.batching import Batcher
from traktauth.keeper.breaker import Breaker
from traktauth.keeper.claimed import ClaimedStore
from traktauth.keeper.renewing import Renewing
from traktauth.keeper.tally import Summary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from traktauth.flow.effects import NoReply
    from traktauth.keeper.events import Event
    from traktauth.keeper.plan import Plan
    from traktauth.models import Login, Record
    from traktauth.stores.fleet import FleetStore
    from traktauth.wire.messages import Reply, Request

_AFTER_A_FAILURE = 5.0


class Keeper:
    """Renews a fleet's tokens until it is stopped; many keepers may share a store.

    Args:
        store: where the fleet's logins rest.
        plan: what is to be done.
        send: sends one request; never twice.
        tell: hears what happens; must not block.

    Attributes:
        tally: what has been done, in numbers.
    """

    def __init__(
        self,
        store: FleetStore,
        plan: Plan,
        *,
        send: Callable[[Request], Awaitable[Reply | NoReply]],
        tell: Callable[[Event], None] = lambda _event: None,
        monotonic: Callable[[], float] = steady_clock,
    ) -> None:
        setup = Setup(plan.app, service=plan.service, lost_reply=plan.lost_reply, clock=plan.clock, monotonic=monotonic)
        self._store = store
        self._plan = plan
        self._owner = secrets.token_hex(8)
        self._breaker = Breaker(plan.in_flight, monotonic)
        self._asking = Asking(send, breaker=self._breaker, tell=tell)
        self.tally = Summary()
        claimed = ClaimedStore(store, most=plan.in_flight, clock=plan.clock)
        self._renewing = Renewing(store, claimed, setup.terms, asking=self._asking, tell=tell, tally=self.tally)
        self._releases = Batcher(self._release_batch, plan.in_flight)
        self._flying: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._started = 0
        self._rejected: AppRejected | None = None
        self._stop = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Return how many renewals are on the wire."""
        return len(self._flying)

    async def count_due(self) -> int:
        """Return how many logins are due now.

        Raises:
            StoreFailed: the store cannot be read.
        """
        plan = self._plan
        return await self._store.count_due(plan.service.realm, plan.app.client_id, before=plan.clock())

    def stop(self) -> None:
        """Take nothing up any more; `run` returns when what is on the wire is saved."""
        self._stop.set()

    async def run(self) -> Summary:
        """Renew what comes due, until stopped.

        Raises:
            AppRejected: Trakt refuses the app; nothing was spent.
        """
        try:
            while not self._stop.is_set():
                pause = await self._step(self._plan.in_flight)
                if pause is None:
                    pause = self._plan.idle
                await self._rest(pause)
        finally:
            await self._land()
        if self._rejected is not None:
            raise self._rejected
        return self.tally

    async def run_once(self, limit: int) -> Summary:
        """Renew at most `limit` logins of what is due now, and return when that is done or the pace forbids more.

        Raises:
            AppRejected: Trakt refuses the app; nothing was spent.
            StoreFailed: the store cannot be read or written.
        """
        try:
            while self._started < limit and not self._stop.is_set():
                pause = await self._step(min(limit - self._started, self._plan.in_flight), raising=True)
                if pause is None or pause > 0:
                    break
                await self._until_room()
        finally:
            await self._land()
        if self._rejected is not None:
            raise self._rejected
        return self.tally

    async def _step(self, most: int, *, raising: bool = False) -> float | None:
        """Start what may be started now; return the seconds to wait before the next step, None where nothing is due."""
        try:
            if self._renewing.unsaved:
                await self._renewing.save_again()
            if self._asking.asked_for:
                wait, self._asking.asked_for = self._asking.asked_for, 0.0
                await self._store.hold(self._plan.service.realm, wait)
            if self._breaker.is_open:
                return await self._ask_whether_it_lives()
            free = min(most, self._breaker.allowed - len(self._flying))
            return await self._take_off(free) if free > 0 else 0.0
        except StoreFailed:
            if raising:
                raise
            return _AFTER_A_FAILURE

    async def _ask_whether_it_lives(self) -> float:
        wait = self._breaker.seconds()
        if wait > 0:
            return wait
        granted, wait = await self._take(1)
        if granted and await self._asking.is_alive(self._plan.app, self._plan.service):
            return 0.0
        return wait if not granted else self._breaker.seconds()

    async def _take_off(self, free: int) -> float | None:
        """Claim, take from the budget, and start; what the budget does not cover is given back."""
        plan = self._plan
        now = plan.clock()
        claimed = await self._store.claim(
            plan.service.realm,
            plan.app.client_id,
            before=now,
            now=now,
            limit=free,
            lease=plan.lease,
            owner=self._owner,
        )
        claimed = [each for each in claimed if not self._renewing.holds_unsaved(each[0])]
        if not claimed:
            return None
        granted, wait = await self._take(len(claimed))
        for login, record in claimed[:granted]:
            task = asyncio.create_task(self._fly(login, record))
            self._flying.add(task)
            self._started += 1
            task.add_done_callback(self._landed)
        if granted < len(claimed):
            await self._store.release([login for login, _ in claimed[granted:]], owner=self._owner)
        return 0.0 if granted == len(claimed) else max(wait, 1.0)

    async def _take(self, wanted: int) -> tuple[int, float]:
        pace = self._plan.pace
        return await self._store.take(self._plan.service.realm, wanted=wanted, limit=pace.limit, period=pace.period)

    async def _fly(self, login: Login, record: Record) -> None:
        try:
            await self._renewing.renew(login, record)
        except AppRejected as error:
            self._rejected = error
            self.stop()
        except StoreFailed:
            self.tally.delayed += 1
        finally:
            with suppress(StoreFailed):
                await self._releases.add(login)

    async def _release_batch(self, logins: Sequence[Login]) -> list[None]:
        await self._store.release(logins, owner=self._owner)
        return [None] * len(logins)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        if self._has_room():
            self._room.set()

    def _has_room(self) -> bool:
        """Tell whether so many have landed that the next claim is worth a statement."""
        return len(self._flying) <= self._breaker.allowed // 2

    async def _rest(self, seconds: float) -> None:
        """Wait until some seconds are over or the keeper is stopped; with 0, until there is room on the wire."""
        if seconds <= 0:
            await self._until_room()
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _until_room(self) -> None:
        self._room.clear()
        if self._has_room():
            await asyncio.sleep(0)
        else:
            await self._room.wait()

    async def _land(self) -> None:
        """Wait for what is on the wire, and save what could not be saved."""
        while self._flying:
            await asyncio.wait(self._flying)
        if self._renewing.unsaved:
            await self._renewing.save_again()
