"""The async driver: awaits each effect of a flow and sends its result back into the flow."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.client.driver.shield import deferring_signals, shielded_work
from traktauth.client.driver.single_flight import run_shared_async
from traktauth.client.driver.sync_driver import WAITS, Running, may_send, no_response, write_log
from traktauth.client.login.worker_thread import in_own_thread
from traktauth.errors import LoginMoved
from traktauth.flow.effects import (
    BUSY,
    AwaitRedirect,
    Effect,
    Flow,
    ForAccount,
    HoldUnsaved,
    LogMessage,
    PromptUser,
    Send,
    Shielded,
    ShowStep,
    Sleep,
    WithLock,
    WithLoopbackServer,
)
from traktauth.stores.adapters.threaded_store import detached_task, settle
from traktauth.stores.errors import call_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from traktauth.client.driver.bound_store import AsyncBoundStore
    from traktauth.client.login.ui import LoginUI
    from traktauth.flow.effects import NoResponse
    from traktauth.wire.messages import Request, Response

T = TypeVar("T")


class AsyncDriver:
    """Runs flows in the caller's task; otherwise as `Driver`.

    Args:
        bound_store: as for `Driver`.
        send: as for `Driver`.
        ui: as for `Driver`.
        sleep: as for `Driver`.
        unfinished: the tasks that refresh in the caller's loop.
        prepare: as for `Driver`.
        elsewhere: does what happens under the lock in another event loop; None does it in the caller's.
    """

    def __init__(
        self,
        bound_store: AsyncBoundStore | None,
        send: Callable[[Request], Awaitable[Response | NoResponse]],
        *,
        ui: LoginUI | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        unfinished: set[asyncio.Task[Any]] | None = None,
        prepare: Callable[[], Awaitable[None]] | None = None,
        elsewhere: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]] | None = None,
    ) -> None:
        self._bound_store = bound_store
        self._send = send
        self._ui = ui
        self._sleep = sleep
        self._unfinished = set[asyncio.Task[Any]]() if unfinished is None else unfinished
        self._prepare = prepare
        self._elsewhere = elsewhere

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value; otherwise as `Driver.run`.

        Raises:
            RuntimeError: no event loop of asyncio runs here, as with anyio on trio.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "AsyncTrakt needs an event loop of asyncio, and none runs here; with anyio choose backend='asyncio'. "
                "Under trio, call Trakt in a thread: trio.to_thread.run_sync"
            ) from None
        answer: Any = None
        failure: BaseException | None = None
        while True:
            try:
                effect = flow.send(answer) if failure is None else flow.throw(failure)
            except StopIteration as end:
                value: T = end.value
                return value
            try:
                answer, failure = await self._perform(effect), None
            except BaseException as error:  # noqa: BLE001 - the flow decides
                answer, failure = None, error

    async def _perform(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - the effect knows its answer's type
        bound_store = self._bound_store
        if bound_store is not None and (call := bound_store.call(effect)) is not None:
            if may_send(effect) and self._prepare is not None:
                await self._prepare()
            return await bound_store.perform(call)
        match effect:
            case Send(request):
                return await self._sent(request)
            case Sleep(seconds):
                return await self._sleep(seconds)
            case LogMessage():
                return write_log(effect, None if self._bound_store is None else self._bound_store.login)
            case WithLock():
                with deferring_signals():  # here, as the main thread does not enter what is shielded under the lock
                    return await self._exclusively(effect)
            case Shielded():
                with deferring_signals():
                    return await self._shielded(effect)
            case _:
                return await self._perform_login(effect)

    async def _sent(self, request: Request) -> Response | NoResponse:
        """Send a request; otherwise as `Driver._sent`."""
        try:
            return await self._send(request)
        except Exception as error:  # noqa: BLE001 - judged there
            return no_response(error, has_store=self._bound_store is not None)

    async def _perform_login(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - see above
        ui = self._ui
        match effect:
            case HoldUnsaved() if self._bound_store is not None:
                return self._bound_store.keep(effect)
            case ForAccount(account, flow) if self._bound_store is not None:
                return await self._run_for(self._bound_store.with_account(account), flow)
            case ShowStep(step) if ui is not None:
                return ui.tell(step)
            case PromptUser(step) if ui is not None:
                return await in_own_thread(lambda: ui.ask(step))
            case WithLoopbackServer(redirect_uri, flow) if ui is not None:
                with ui.listening(redirect_uri) as actual:
                    return await self.run(flow(actual))
            case AwaitRedirect() if ui is not None:
                return await in_own_thread(lambda: ui.arrival(effect))
            case _:
                raise AssertionError(f"this driver cannot perform {type(effect).__name__}")

    async def _run_for(self, bound_store: AsyncBoundStore, flow: Callable[[], Flow[T]]) -> T:
        """Run a flow for another login; otherwise as `Driver._run_for`."""
        while True:
            elsewhere = self._elsewhere if bound_store.store.any_loop else None
            try:
                return await AsyncDriver(bound_store, self._send, sleep=self._sleep, elsewhere=elsewhere).run(flow())
            except LoginMoved as moved:
                bound_store = await bound_store.follow(moved)

    async def _exclusively(self, effect: WithLock[T]) -> Any:  # noqa: ANN401 - the flow's outcome, or BUSY
        bound_store = self._bound_store
        if bound_store is None:
            raise AssertionError("a lock needs a store")

        async def work() -> Any:  # noqa: ANN401 - the same
            if effect.purpose is None:
                return await self._lead(bound_store, effect)
            key = (bound_store.store.identity, bound_store.login, effect.purpose)
            lead, log = partial(self._lead, bound_store, effect), partial(write_log, WAITS, bound_store.login)
            return await run_shared_async(key, lead, effect.timeout, on_wait=log)

        return await (work() if self._elsewhere is None else self._elsewhere(work))

    async def _lead(self, bound_store: AsyncBoundStore, effect: WithLock[T]) -> Any:  # noqa: ANN401 - the same
        """Run a flow under the lock; otherwise as `Driver._lead`."""
        running = Running()
        try:
            lock = call_store(lambda: bound_store.store.lock(bound_store.login, effect.timeout), bound_store.store)
            async with lock as held:
                with running as end:
                    outcome = await self.run(effect.flow()) if held else BUSY
                    end(outcome)
        except BaseException as error:  # noqa: BLE001 - judged there
            return running.judge(error, bound_store.store)
        return outcome

    async def _shielded(self, effect: Shielded[T]) -> T:
        for task in [task for task in self._unfinished if task.get_loop().is_closed()]:
            self._unfinished.discard(task)  # it will never end, and what it holds has to be let go

        async def work() -> T:
            with shielded_work():
                return await self.run(effect.flow())

        task = detached_task(work())
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await settle(task)
