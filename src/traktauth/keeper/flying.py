"""The renewals that are under way: started, landed, given back, and waited for at the end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from traktauth.errors import AppRejected, StoreFailed
from traktauth.keeper.batching import Batcher
from traktauth.keeper.events import Delayed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traktauth.keeper.breaker import Breaker
    from traktauth.keeper.events import Event
    from traktauth.keeper.plan import Plan
    from traktauth.keeper.renewing import Renewing
    from traktauth.keeper.tally import Summary
    from traktauth.models import Login, Record
    from traktauth.stores.fleet import FleetStore

_AFTER_A_FAULT_OF_OURS = 3600.0


class Flying:
    """Tasks, one a renewal.

    Args:
        store: where claims are given back.
        plan: what is to be done.
        owner: names this keeper's claims.
        renewing: renews one login.
        breaker: knows how many may be under way.
        tell: hears what happens.
        tally: counts it.
        stop: is set where it makes no sense to go on.

    Attributes:
        started: how many ever were.
        rejected: Trakt's refusal of the app, if there was one.
    """

    def __init__(
        self,
        store: FleetStore,
        plan: Plan,
        *,
        owner: str,
        renewing: Renewing,
        breaker: Breaker,
        tell: Callable[[Event], None],
        tally: Summary,
        stop: asyncio.Event,
    ) -> None:
        self._store = store
        self._plan = plan
        self._owner = owner
        self._renewing = renewing
        self._breaker = breaker
        self._tell = tell
        self._tally = tally
        self._stop = stop
        self._releases = Batcher(self._release_batch, plan.in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self.started = 0
        self.rejected: AppRejected | None = None

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, login: Login, record: Record) -> None:
        """Begin to renew a claimed login."""
        task = asyncio.create_task(self._fly(login, record))
        self._tasks.add(task)
        self.started += 1
        task.add_done_callback(self._landed)

    async def until_room(self) -> None:
        """Wait until so many have landed that the next claim is worth a statement."""
        self._room.clear()
        if self._has_room():
            await asyncio.sleep(0)
        else:
            await self._room.wait()

    async def land(self) -> None:
        """Wait for all of them."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _fly(self, login: Login, record: Record) -> None:
        try:
            await self._renewing.renew(login, record)
        except AppRejected as error:
            self.rejected = error
            self._stop.set()
        except StoreFailed:
            pass  # what could not be noted is found again when the login is taken up the next time
        except Exception as error:  # noqa: BLE001 - a fault of ours must cost neither the fleet nor the service
            await self._set_aside(login, record, error)
        finally:
            with suppress(StoreFailed):
                await self._releases.add(login)

    async def _set_aside(self, login: Login, record: Record, error: Exception) -> None:
        """Leave a login alone for an hour that nobody foresaw how to treat; it would be taken up again at once."""
        self._tally.delayed += 1
        what = f"a renewal ended in {type(error).__name__}, which traktauth did not foresee"
        logging.getLogger("traktauth").error("%s: %s", login.account, what)
        until = self._plan.clock() + _AFTER_A_FAULT_OF_OURS
        with suppress(StoreFailed):
            await self._store.postpone(login, record.generation, until=until)
        self._tell(Delayed(login, what, until))

    async def _release_batch(self, logins: Sequence[Login]) -> list[None]:
        await self._store.release(logins, owner=self._owner)
        return [None] * len(logins)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._has_room():
            self._room.set()

    def _has_room(self) -> bool:
        return len(self._tasks) <= self._breaker.allowed // 2
