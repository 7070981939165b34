"""The refreshes in progress: started, released when they end, and waited for when the keeper stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from traktauth.errors import AppRejected, StoreFailed
from traktauth.keeper.circuit_breaker import CircuitBreaker
from traktauth.keeper.config import KeeperContext
from traktauth.keeper.events import Delayed
from traktauth.keeper.refresher import Refresher
from traktauth.log_fields import log_fields
from traktauth.models import LoginKey, Record

_DELAY_AFTER_BUG = 3600.0  # seconds


class InFlight:
    """The tasks of a keeper, one for each refresh.

    Args:
        context: the keeper's.
        refresher: refreshes one login.
        breaker: says how many are allowed.
        stop: is called when it makes no sense to go on.

    Attributes:
        started: how many tasks were started so far.
        rejected: Trakt's refusal of the app, if there was one.
    """

    def __init__(
        self, context: KeeperContext, refresher: Refresher, *, breaker: CircuitBreaker, stop: Callable[[], None]
    ) -> None:
        self._context = context
        self._refresher = refresher
        self._breaker = breaker
        self._stop = stop
        self._tasks: set[asyncio.Task[None]] = set()
        self._capacity = asyncio.Event()
        self.started = 0
        self.rejected: AppRejected | None = None

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, login: LoginKey, record: Record) -> None:
        """Start to refresh a claimed login."""
        task = asyncio.create_task(self._refresh(login, record))
        self._tasks.add(task)
        self.started += 1
        task.add_done_callback(self._remove)

    async def wait_for_capacity(self) -> None:
        """Wait until so many tasks have ended that another claim is worth a statement."""
        self._capacity.clear()
        if self._has_capacity():
            await asyncio.sleep(0)
        else:
            await self._capacity.wait()

    async def drain(self) -> None:
        """Wait until all tasks have ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def reject(self, error: AppRejected) -> None:
        """Note that Trakt refuses the app, and stop."""
        self.rejected = error
        self._stop()

    async def _refresh(self, login: LoginKey, record: Record) -> None:
        context = self._context
        try:
            await self._refresher.refresh(login, record)
        except AppRejected as error:
            self.reject(error)
        except StoreFailed:
            # What could not be written is found again when the login is claimed the next time. It stays claimed until
            # its lease ends, so that others get their turn and it is not tried at once again.
            return
        except Exception as error:  # noqa: BLE001 - a bug must not stop the other refreshes, nor flood the service
            await self._defer_after_bug(login, record, error)
        with suppress(StoreFailed):
            await context.in_thread(partial(context.store.release, [login], owner=context.owner))

    async def _defer_after_bug(self, login: LoginKey, record: Record, error: Exception) -> None:
        """Defer a login for one hour after an unexpected error, so that it is not claimed again at once."""
        context = self._context
        context.summary.delayed += 1
        what = f"a refresh failed with {type(error).__name__}, which traktauth did not expect"
        fields = log_fields(
            "bug",
            reason=type(error).__name__,
            generation=record.generation,
            account=login.account,
            service=login.realm,
        )
        logging.getLogger("traktauth").error("%s: %s", login.account, what, extra=fields)
        until = context.config.clock() + _DELAY_AFTER_BUG
        with suppress(StoreFailed):
            await context.in_thread(partial(context.store.defer, login, record.generation, until=until))
        context.on_event(Delayed(login, what, until))

    def _remove(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._has_capacity():
            self._capacity.set()

    def _has_capacity(self) -> bool:
        return len(self._tasks) <= self._breaker.allowed // 2
