"""The keeper: claim logins that are due, within the service's rate limit, and refresh many of them at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from traktauth.client.account_config import AccountConfig
from traktauth.client.driver.bound_store import BoundStore, cannot_follow
from traktauth.client.driver.threads import in_thread
from traktauth.errors import AppRejected, LoginMoved, StoreFailed
from traktauth.flow.effects import NoResponse
from traktauth.flow.moved_login import moved_error
from traktauth.hints import DOCTOR_COMMAND, Hint
from traktauth.keeper.circuit_breaker import PAUSE_AFTER_OUTAGE, CircuitBreaker, HealthAwareSender
from traktauth.keeper.claims import Claims
from traktauth.keeper.config import InThread, KeeperConfig, KeeperContext, RateLimit
from traktauth.keeper.driver import StoreHealth, open_sender
from traktauth.keeper.events import Event, Resumed, Stalled, Summary
from traktauth.keeper.in_flight import InFlight
from traktauth.keeper.refresher import Refresher
from traktauth.log_fields import log_fields
from traktauth.models import App, find_service
from traktauth.protocol import Service
from traktauth.stores.base import TokenStore
from traktauth.stores.database.lease import new_owner, steady_clock
from traktauth.stores.fleet import FleetStore, LoginCounts, LoginStates
from traktauth.stores.open import open_store
from traktauth.wire.messages import Request, Response

# Seconds.
_RETRY_STORE_AFTER = 5.0
_TRY_INTERVAL = 1.0  # between two looks at the one refresh that is tried while writes fail
_LAST_SAVES_TIMEOUT = 20.0  # how long a keeper that stops tries to save the tokens that it holds
_SAVE_RETRY_INTERVAL = 1.0


class Keeper:
    """Refreshes the tokens of many accounts until stopped; many keepers may share a store.

    Args:
        store: holds the logins.
        config: what the keeper does.
        send: sends one request, never twice.
        on_event: receives events; must not block. What it raises is logged and changes nothing else.
        monotonic: returns seconds.
        in_thread: does the store's work; a keeper on virtual time does it at once.

    Attributes:
        summary: counts of what was done.
        moved_to: the store that every login was moved to, opened; the keeper stops then, and its caller goes on there.
    """

    def __init__(
        self,
        store: FleetStore,
        config: KeeperConfig,
        *,
        send: Callable[[Request], Awaitable[Response | NoResponse]],
        on_event: Callable[[Event], None] = lambda _event: None,
        monotonic: Callable[[], float] = steady_clock,
        in_thread: InThread = in_thread,
    ) -> None:
        context = KeeperContext(store, config, new_owner(), partial(_call_safely, on_event), in_thread)
        account = AccountConfig(
            config.app, service=config.service, lost_reply=config.lost_reply, clock=config.clock, monotonic=monotonic
        )
        self._context = context
        self._store = store
        self._config = config
        self._monotonic = monotonic
        self._flow_context = account.context
        self._bound_store = BoundStore(store, account.key, config.clock)
        self._in_thread = in_thread
        self._stop = asyncio.Event()
        self._store_failing_since: float | None = None
        self._breaker = CircuitBreaker(config.in_flight, monotonic)
        self._sender = HealthAwareSender(send, breaker=self._breaker, context=context)
        self._health = StoreHealth()
        self._refresher = Refresher(context, self._health, account.context, sender=self._sender)
        self._claims = Claims(context, self._refresher)
        self._in_flight = InFlight(context, self._refresher, breaker=self._breaker, stop=self.stop)
        self.summary = context.summary
        self.moved_to: FleetStore | None = None

    @property
    def in_flight(self) -> int:
        """How many refreshes are in progress."""
        return len(self._in_flight)

    @property
    def failing_for(self) -> float | None:
        """For how many seconds the service has been failing; None while it works."""
        return self._breaker.open_for()

    async def count_logins(self) -> LoginCounts:
        """Return how many logins the store has, how many are due, and when the next one is.

        Raises:
            StoreFailed: the store cannot be read.
        """
        config = self._config
        app = config.service.realm, config.app.client_id
        return await self._in_thread(lambda: self._store.count_logins(*app, now=config.clock()))

    async def count_states(self) -> LoginStates:
        """Return how many logins of the store are in which state.

        Raises:
            StoreFailed: the store cannot be read.
        """
        config = self._config
        app = config.service.realm, config.app.client_id
        return await self._in_thread(lambda: self._store.count_states(*app, now=config.clock()))

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the refreshes in progress are saved."""
        self._stop.set()

    async def run(self) -> Summary:
        """Refresh logins as they come due, until stopped.

        Raises:
            AppRejected: Trakt refuses the app; nothing was spent.
            StoreFailed: at the end there are new tokens that could not be saved.
        """
        try:
            while not self._stop.is_set():
                pause = await self._step(self._config.in_flight)
                await self._sleep(self._config.idle if pause is None else pause)
        finally:
            await self._drain()
        return self._result()

    async def run_once(self, limit: int) -> Summary:
        """Refresh at most `limit` logins that are due now; return when done, or when the rate limit forbids more.

        Raises:
            AppRejected: Trakt refuses the app; nothing was spent.
            StoreFailed: the store cannot be read or written.
        """
        in_flight = self._in_flight
        try:
            while not self._stop.is_set() and in_flight.started < limit:
                pause = await self._step(min(limit - in_flight.started, self._config.in_flight), raising=True)
                if pause is None or pause > 0:
                    break
                await in_flight.wait_for_capacity()
        finally:
            await self._drain()
        if self._claims.unreadable is not None and not in_flight.started:
            raise self._claims.unreadable
        if failure := self._health.take_failure():
            raise failure
        return self._result()

    def _result(self) -> Summary:
        if self._in_flight.rejected is not None:
            raise self._in_flight.rejected
        return self.summary

    async def _step(self, most: int, *, raising: bool = False) -> float | None:
        """Start what may be started now; return the seconds to wait before the next step, None if nothing is due."""
        try:
            if self._refresher.unsaved:
                await self._refresher.save_unsaved()
            if failure := self._health.take_failure():
                raise failure
            await self._apply_retry_after()
            if self._breaker.is_open:
                pause: float | None = await self._probe()
            elif self._health.is_failing:
                pause = await self._try_one()
            else:
                free = min(most, self._breaker.allowed - len(self._in_flight))
                pause = await self._start_due(free) if free > 0 else 0.0
            if pause is None and (moved_to := await self._find_moved()) is not None:
                self.moved_to = moved_to
                self.stop()
        except StoreFailed as error:
            if raising:
                raise
            if self._store_failing_since is None:
                self._store_failing_since = self._monotonic()
                self._context.on_event(Stalled(f"{error.message}. {error.hint_command or error.hint}"))
            return _RETRY_STORE_AFTER
        if self._store_failing_since is not None and not self._health.is_failing:
            self._context.on_event(Resumed(self._monotonic() - self._store_failing_since))
            self._store_failing_since = None
        return pause

    async def _find_moved(self) -> FleetStore | None:
        """Return the store that the app's logins were moved to, if this store has none any more.

        Raises:
            LoginMoved: that store cannot be used here.
            StoreFailed: a store cannot be read.
        """
        if self._in_flight or (await self.count_logins()).logins:
            return None
        app = (self._config.service.realm, self._config.app.client_id)
        for login in await self._in_thread(self._store.list_logins):
            if (login.realm, login.client_id) != app:
                continue
            moved = moved_error(await self._in_thread(partial(self._store.load, login)))
            if not isinstance(moved, LoginMoved):
                continue
            bound_store = BoundStore(self._store, login, self._config.clock)
            found = await self._in_thread(partial(bound_store.follow, moved))
            if isinstance(found.store, FleetStore):
                return found.store
            raise cannot_follow(moved, "several processes cannot share that store")
        return None

    async def _try_one(self) -> float | None:
        """Start one refresh, to see whether the store can be written again; return seconds until the next step."""
        if self._in_flight:
            return _TRY_INTERVAL
        pause = await self._start_due(1)
        return None if pause is None else max(pause, _TRY_INTERVAL)

    async def _probe(self) -> float:
        wait = self._breaker.seconds_until_probe()
        if wait > 0:
            return wait
        granted, wait = await self._take_budget(1)
        if not granted:
            return wait
        try:
            is_healthy = await self._sender.probe(self._bound_store, self._flow_context)
        except AppRejected as error:
            self._in_flight.reject(error)
            return 0.0
        return 0.0 if is_healthy else self._breaker.seconds_until_probe()

    async def _start_due(self, free: int) -> float | None:
        """Claim, take from the budget, and start; claims that the budget does not cover are released."""
        claim = await self._claims.claim(free)
        refreshable = claim.refreshable
        granted, wait = 0, 0.0
        try:
            if refreshable:
                granted, wait = await self._take_budget(len(refreshable))
        finally:
            for login, record in refreshable[:granted]:
                self._in_flight.start(login, record)
            await self._claims.release([*claim.others, *(login for login, _ in refreshable[granted:])])
        if not refreshable:
            return 0.0 if claim.has_more else None
        return 0.0 if granted == len(refreshable) else max(wait, 1.0)

    async def _apply_retry_after(self) -> None:
        """Make every keeper leave the service alone for as long as it asked."""
        wait = self._sender.retry_after
        if wait:
            await self._in_thread(partial(self._store.block_budget, self._config.service.realm, wait))
            self._sender.retry_after = 0.0

    async def _take_budget(self, wanted: int) -> tuple[int, float]:
        limit = self._config.rate_limit
        realm, take = self._config.service.realm, self._store.take_budget
        return await self._in_thread(lambda: take(realm, wanted=wanted, limit=limit.limit, period=limit.period))

    async def _sleep(self, seconds: float) -> None:
        """Wait some seconds or until stopped; with 0, wait for capacity."""
        if seconds <= 0:
            await self._in_flight.wait_for_capacity()
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _drain(self) -> None:
        """Wait for the refreshes in progress, save what could not be saved, and note an outage for the next keeper."""
        await self._in_flight.drain()
        await self._save_last_tokens()
        with suppress(StoreFailed):
            await self._claims.release_unreadable()
            if self._breaker.is_open:
                self._sender.retry_after = max(self._sender.retry_after, PAUSE_AFTER_OUTAGE)
            await self._apply_retry_after()

    async def _save_last_tokens(self) -> None:
        deadline = self._monotonic() + _LAST_SAVES_TIMEOUT
        while self._refresher.unsaved:
            await self._refresher.save_unsaved()
            count = len(self._refresher.unsaved)
            if count and self._monotonic() >= deadline:
                raise StoreFailed(
                    f"{count} new tokens could not be saved and are lost with this process",
                    hint="Their logins need a new sign-in when their tokens expire; check the store",
                    hint_command=Hint(
                        "Their logins need a new sign-in when their tokens expire; check the store: ", DOCTOR_COMMAND
                    ),
                )
            if count:
                await asyncio.sleep(_SAVE_RETRY_INTERVAL)


async def refresh_due(
    store: TokenStore | str,
    *,
    app: App,
    service: str | Service = "trakt",
    limit: int = 500,
    rate_limit: RateLimit | None = None,
    on_event: Callable[[Event], None] = lambda _event: None,
) -> Summary:
    """Refresh what is due now, as one step of a scheduler; may be called at any time, by many processes at once.

    Args:
        store: the store, or its address (PostgreSQL, Redis or SQLite).
        app: the app whose logins are refreshed.
        service: the service of these logins.
        limit: the most logins to refresh.
        rate_limit: how many requests the service accepts.
        on_event: receives events.

    Returns:
        Counts of what was done.

    Raises:
        ValueError: several processes cannot share the store.
        AppRejected: Trakt refuses the app; nothing was spent.
        StoreFailed: the store cannot be read or written.
    """
    opened = open_store(store)
    if not isinstance(opened, FleetStore):
        raise ValueError(  # noqa: TRY004 - an address has one type, whatever store it names
            "store must be one that several processes can share: postgresql://…, redis://… or sqlite:/PATH"
        )
    service = find_service(service) if isinstance(service, str) else service
    config = KeeperConfig(app, service, rate_limit=rate_limit or RateLimit())
    try:
        async with open_sender(service.token, product=app.user_agent) as send:
            keeper = Keeper(opened, config, send=send, on_event=on_event)
            summary = await keeper.run_once(limit)
    finally:
        if opened is not store:
            await in_thread(opened.close)
    if keeper.moved_to is None:
        return summary
    try:
        return await refresh_due(
            keeper.moved_to, app=app, service=service, limit=limit, rate_limit=rate_limit, on_event=on_event
        )
    finally:
        await in_thread(keeper.moved_to.close)


def _call_safely(on_event: Callable[[Event], None], event: Event) -> None:
    try:
        on_event(event)
    except Exception as error:  # noqa: BLE001 - an event callback must not stop a refresh
        name = type(error).__name__
        logging.getLogger("traktauth").warning(
            "the keeper's on_event callback raised %s", name, extra=log_fields("callback-failed", reason=name)
        )
