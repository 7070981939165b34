"""The keeper: claims what is due, at the service's pace, and has it renewed, many at once."""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from traktauth.client.setup import Setup
from traktauth.errors import StoreFailed
from traktauth.keeper.asking import Asking
from traktauth.keeper.breaker import Breaker
from traktauth.keeper.claimed import ClaimedStore
from traktauth.keeper.claiming import Claiming
from traktauth.keeper.flying import Flying
from traktauth.keeper.renewing import Renewing
from traktauth.keeper.tally import Summary
from traktauth.keeper.trouble import Trouble
from traktauth.stores.leases import steady_clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from traktauth.flow.effects import NoReply
    from traktauth.keeper.events import Event
    from traktauth.keeper.plan import Plan
    from traktauth.stores.fleet import FleetStore
    from traktauth.wire.messages import Reply, Request

_AFTER_A_FAILURE = 5.0
# Seconds for which a keeper that ends goes on trying to save what it holds, and between two tries.
_LAST_SAVES = 20.0
_SAVE_AGAIN = 1.0
# Seconds for which the next steps of a scheduler send nothing when one has found the service failing.
_AFTER_AN_OUTAGE = 60.0


class Keeper:
    """Renews a fleet's tokens until it is stopped; many keepers may share a store.

    Args:
        store: where the fleet's logins rest.
        plan: what is to be done.
        send: sends one request; never twice.
        tell: hears what happens; must not block. What it raises is logged, and nothing else comes of it.

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
        told = partial(_told, tell)
        self._store = store
        self._plan = plan
        self._monotonic = monotonic
        self._stop = asyncio.Event()
        self._owner = secrets.token_hex(8)
        self._breaker = Breaker(plan.in_flight, monotonic)
        self._asking = Asking(send, breaker=self._breaker, tell=told)
        self.tally = Summary()
        claimed = ClaimedStore(store, most=plan.in_flight, clock=plan.clock)
        self._renewing = Renewing(store, claimed, setup.terms, asking=self._asking, tell=told, tally=self.tally)
        self._claiming = Claiming(store, plan, owner=self._owner, renewing=self._renewing, tell=told, tally=self.tally)
        self._trouble = Trouble(told, monotonic)
        self._flying = Flying(
            store,
            plan,
            owner=self._owner,
            renewing=self._renewing,
            breaker=self._breaker,
            tell=told,
            tally=self.tally,
            stop=self._stop,
        )

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
            StoreFailed: at the end there are new pairs that could not be saved.
        """
        try:
            while not self._stop.is_set():
                pause = await self._step(self._plan.in_flight)
                await self._rest(self._plan.idle if pause is None else pause)
        finally:
            await self._land()
        return self._outcome()

    async def run_once(self, limit: int) -> Summary:
        """Renew at most `limit` logins of what is due now, and return when that is done or the pace forbids more.

        Raises:
            AppRejected: Trakt refuses the app; nothing was spent.
            StoreFailed: the store cannot be read or written.
        """
        flying = self._flying
        try:
            while not self._stop.is_set() and flying.started < limit:
                pause = await self._step(min(limit - flying.started, self._plan.in_flight), raising=True)
                if pause is None or pause > 0:
                    break
                await flying.until_room()
        finally:
            await self._land()
        if self._claiming.unreadable is not None and not flying.started:
            raise self._claiming.unreadable
        return self._outcome()

    def _outcome(self) -> Summary:
        if self._flying.rejected is not None:
            raise self._flying.rejected
        return self.tally

    async def _step(self, most: int, *, raising: bool = False) -> float | None:
        """Start what may be started now; return the seconds to wait before the next step, None where nothing is due."""
        try:
            if self._renewing.unsaved:
                await self._renewing.save_again()
            await self._obey()
            if self._breaker.is_open:
                pause: float | None = await self._ask_whether_it_lives()
            else:
                free = min(most, self._breaker.allowed - len(self._flying))
                pause = await self._take_off(free) if free > 0 else 0.0
        except StoreFailed as error:
            if raising:
                raise
            self._trouble.began(error)
            return _AFTER_A_FAILURE
        self._trouble.ended()
        return pause

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
        claimed = await self._claiming.claim(free)
        mine = claimed.renewable
        granted, wait = 0, 0.0
        try:
            if mine:
                granted, wait = await self._take(len(mine))
        finally:
            for login, record in mine[:granted]:
                self._flying.start(login, record)
            await self._claiming.give_back([*claimed.rest, *(login for login, _ in mine[granted:])])
        if not mine:
            return 0.0 if claimed.more else None
        return 0.0 if granted == len(mine) else max(wait, 1.0)

    async def _obey(self) -> None:
        """Let every keeper leave the service alone for as long as it asked for."""
        wait = self._asking.asked_for
        if wait:
            await self._store.hold(self._plan.service.realm, wait)
            self._asking.asked_for = 0.0

    async def _take(self, wanted: int) -> tuple[int, float]:
        pace = self._plan.pace
        return await self._store.take(self._plan.service.realm, wanted=wanted, limit=pace.limit, period=pace.period)

    async def _rest(self, seconds: float) -> None:
        """Wait until some seconds are over or the keeper is stopped; with 0, until there is room on the wire."""
        if seconds <= 0:
            await self._flying.until_room()
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _land(self) -> None:
        """Wait for what is on the wire, save what could not be saved, and leave word for whoever comes next."""
        await self._flying.land()
        await self._save_the_rest()
        with suppress(StoreFailed):
            await self._claiming.land()
            if self._breaker.is_open:
                self._asking.asked_for = max(self._asking.asked_for, _AFTER_AN_OUTAGE)
            await self._obey()

    async def _save_the_rest(self) -> None:
        until = self._monotonic() + _LAST_SAVES
        while self._renewing.unsaved:
            await self._renewing.save_again()
            count = len(self._renewing.unsaved)
            if count and self._monotonic() >= until:
                raise StoreFailed(
                    f"{count} new pairs could not be saved, and end with this program",
                    hint="Their logins need a new sign-in when their tokens end; see what is wrong with the store",
                )
            if count:
                await asyncio.sleep(_SAVE_AGAIN)


def _told(tell: Callable[[Event], None], event: Event) -> None:
    try:
        tell(event)
    except Exception as error:  # noqa: BLE001 - whoever listens must not stop a renewal
        logging.getLogger("traktauth").warning("what hears of a keeper's events failed: %s", type(error).__name__)
