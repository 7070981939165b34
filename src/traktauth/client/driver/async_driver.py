"""The async driver: waits in the caller's event loop, and leaves all that blocks to a blocking driver in threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Hashable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.client.driver.bound_store import BoundStore
from traktauth.client.driver.loop_store import LoopStore
from traktauth.client.driver.shield import Unfinished, deferring_signals
from traktauth.client.driver.single_flight import ABANDONED, SharedCall, finish, join, leading
from traktauth.client.driver.sync_driver import WAITS, Driver, write_log
from traktauth.client.driver.threads import in_lasting_thread, in_own_thread, in_thread
from traktauth.errors import LoginMoved
from traktauth.flow.effects import (
    BUSY,
    AwaitRedirect,
    Effect,
    Flow,
    ForAccount,
    HoldUnsaved,
    LogMessage,
    NoResponse,
    PromptUser,
    Send,
    Shielded,
    ShowStep,
    Sleep,
    WithLock,
    WithLoopbackServer,
)
from traktauth.wire.messages import Request, Response

if TYPE_CHECKING:
    from traktauth.client.login.ui import LoginUI

E = TypeVar("E")
T = TypeVar("T")


class AsyncDriver:
    """Runs flows in the caller's task, which waits for threads.

    What must not be interrupted runs in a thread that the interpreter waits for, so it is finished even if the event
    loop is stopped and closed meanwhile.

    Args:
        bound_store: the login in its store; None for flows that need no store.
        send: sends one request, in a thread; it is given the caller's event loop.
        ui: shows steps and takes answers; None for flows without a sign-in.
        sleep: waits in the event loop, in seconds.
        sleep_in_thread: waits in a thread, in seconds.
        unfinished: counts the refreshes that are under way.
        prepare: makes sure that a request can be sent from the caller's event loop, or raises TryLater.
    """

    def __init__(
        self,
        bound_store: BoundStore | None,
        send: Callable[[asyncio.AbstractEventLoop, Request], Response | NoResponse],
        *,
        ui: LoginUI | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        sleep_in_thread: Callable[[float], None] = time.sleep,
        unfinished: Unfinished | None = None,
        prepare: Callable[[asyncio.AbstractEventLoop], None] = lambda _loop: None,
    ) -> None:
        self._bound_store = bound_store
        self._send = send
        self._ui = ui
        self._sleep = sleep
        self._sleep_in_thread = sleep_in_thread
        self._unfinished = unfinished or Unfinished()
        self._prepare = prepare

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value.

        Raises:
            RuntimeError: no event loop of asyncio runs here, as with anyio on trio.
            BaseException: what the flow raises.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "AsyncTrakt needs an event loop of asyncio, and none runs here; with anyio choose backend='asyncio'. "
                "Under trio, call Trakt in a thread: trio.to_thread.run_sync"
            ) from None
        if self._bound_store is not None and isinstance(self._bound_store.store, LoopStore):
            self._bound_store.store.attach()
        driver = Driver(
            self._bound_store,
            partial(self._send, loop),
            ui=self._ui,
            sleep=self._sleep_in_thread,
            unfinished=self._unfinished,
            prepare=partial(self._prepare, loop),
        )
        return await run_flow(flow, partial(self._perform, driver))

    async def _perform(self, driver: Driver, effect: Effect[Any]) -> object:
        match effect:
            case Sleep(seconds):
                await self._sleep(seconds)
            case WithLock():
                with deferring_signals():  # here, as the threads are not the main thread
                    return await self._lead(driver, effect)
            case Shielded():
                with deferring_signals():
                    return await in_lasting_thread(lambda: driver.run_shielded(effect))
            case Send() | PromptUser() | AwaitRedirect():
                return await in_own_thread(lambda: driver.perform(effect))
            case ShowStep() | LogMessage() | HoldUnsaved():
                return driver.perform(effect)
            case WithLoopbackServer(redirect_uri, flow) if self._ui is not None:
                with self._ui.listening(redirect_uri) as actual:
                    return await run_flow(flow(actual), partial(self._perform, driver))
            case ForAccount(account, flow) if self._bound_store is not None:
                return await self._run_for(self._bound_store.with_account(account), flow)
            case _:
                return await in_thread(lambda: driver.perform(effect))
        return None

    async def _run_for(self, bound_store: BoundStore, flow: Callable[[], Flow[T]]) -> T:
        """Run a flow for another login, in the store that it was moved to if it was."""
        while True:
            driver = AsyncDriver(bound_store, self._send, sleep=self._sleep, unfinished=self._unfinished)
            try:
                return await driver.run(flow())
            except LoginMoved as moved:
                bound_store = await in_thread(partial(bound_store.follow, moved))

    async def _lead(self, driver: Driver, effect: WithLock[T]) -> object:
        """Run a flow under the login's lock in a thread, or wait for the caller of this process that does it already.

        A cancelled call gives up before it has the lock, and waits for the end once it has it.
        """
        bound_store = self._bound_store
        if bound_store is None:
            raise AssertionError("a lock needs a store")
        claim = threading.Lock()

        def lead() -> object:
            with self._unfinished:
                return driver.lead(effect, claim)

        def give_up() -> None:
            claim.acquire(blocking=False)

        if effect.purpose is None:
            return await in_lasting_thread(lead, give_up)
        key = (bound_store.store.identity, bound_store.login, effect.purpose)
        log = partial(write_log, WAITS, bound_store.login)
        return await run_shared_async(key, lead, effect.timeout, on_wait=log, on_cancel=give_up)


async def run_flow(flow: Generator[E, Any, T], perform: Callable[[E], Awaitable[Any]]) -> T:
    """Run a flow to its end; what `perform` raises is thrown into the flow, which decides."""
    answer: Any = None
    failure: BaseException | None = None
    while True:
        try:
            effect = flow.send(answer) if failure is None else flow.throw(failure)
        except StopIteration as end:
            value: T = end.value
            return value
        try:
            answer, failure = await perform(effect), None
        except BaseException as error:  # noqa: BLE001 - the flow decides
            answer, failure = None, error


async def run_shared_async(
    key: Hashable,
    lead: Callable[[], Any],
    timeout: float,
    *,
    on_wait: Callable[[], None] = lambda: None,
    on_cancel: Callable[[], object] = lambda: None,
) -> object:
    """Make the call of this key in a thread, or await the one that another caller makes; BUSY after the timeout.

    Args:
        key: names the call.
        lead: makes it.
        timeout: seconds to wait for another caller's.
        on_wait: is called before another caller's call is waited for.
        on_cancel: is called if the caller that leads is cancelled, who then waits for the end of the call.
    """
    until = time.monotonic() + timeout
    while True:
        mine = SharedCall()

        def work(mine: SharedCall = mine) -> object:
            with leading(key, mine) as publish:
                outcome = lead()
                publish(ABANDONED if outcome is BUSY else outcome)
                return outcome

        try:
            call = join(key, mine)
            if call is mine:
                return await in_lasting_thread(work, on_cancel)
        except BaseException:
            if not mine.wait(0):  # a signal came before the thread began
                finish(key, mine, ABANDONED, None)
            raise
        if timeout > 0:
            on_wait()
        if not await _wait_async(call, until):
            return BUSY
        outcome = call.outcome()
        if outcome is not ABANDONED:
            return outcome


async def _wait_async(call: SharedCall, until: float) -> bool:
    """Wait for the end of another caller's call; return False if it did not come in time."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def on_end() -> None:
        with suppress(RuntimeError):  # the loop is closed, and its waiters with it
            loop.call_soon_threadsafe(wake)

    call.on_end(on_end)
    await asyncio.wait([waiter], timeout=max(0.0, until - time.monotonic()))
    return call.wait(0)
