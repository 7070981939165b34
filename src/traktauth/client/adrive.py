"""The async loop: performs what a flow asks for, awaiting it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.client import flights
from traktauth.client.athreads import in_own_thread
from traktauth.client.flights import Landing
from traktauth.client.keeping import AsyncKeeping, write_note
from traktauth.flow.effects import (
    BUSY,
    Arrival,
    Ask,
    Effect,
    Exclusively,
    Flow,
    Keep,
    Listening,
    Load,
    Note,
    Send,
    Shielded,
    Sleep,
    Tell,
)
from traktauth.stores.threads import settled, unseen_task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from traktauth.client.person import Person
    from traktauth.flow.effects import NoReply
    from traktauth.wire.messages import Reply, Request

T = TypeVar("T")


class AsyncDriver:
    """Runs flows in the caller's task; otherwise as `Driver`."""

    def __init__(
        self,
        keeping: AsyncKeeping | None,
        send: Callable[[Request], Awaitable[Reply | NoReply]],
        *,
        person: Person | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        unfinished: set[asyncio.Task[Any]] | None = None,
    ) -> None:
        self._keeping = keeping
        self._send = send
        self._person = person
        self._sleep = sleep
        self._unfinished = set[asyncio.Task[Any]]() if unfinished is None else unfinished

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value; otherwise as `Driver.run`."""
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
        keeping = self._keeping
        if keeping is not None:
            if isinstance(effect, Load) and (record := keeping.peek()) is not None:
                return record
            if (call := keeping.call(effect)) is not None:
                return await call()
        match effect:
            case Send(request):
                return await self._send(request)
            case Sleep(seconds):
                return await self._sleep(seconds)
            case Note():
                return write_note(effect)
            case Exclusively():
                return await self._exclusively(effect)
            case Shielded():
                return await self._shielded(effect)
            case _:
                return await self._perform_for_person(effect)

    async def _perform_for_person(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - see above
        person = self._person
        match effect:
            case Keep() if self._keeping is not None:
                return self._keeping.keep(effect)
            case Tell(step) if person is not None:
                return person.tell(step)
            case Ask(step) if person is not None:
                return await in_own_thread(lambda: person.ask(step))
            case Listening(redirect_uri, flow) if person is not None:
                with person.listening(redirect_uri) as actual:
                    return await self.run(flow(actual))
            case Arrival() if person is not None:
                return await in_own_thread(lambda: person.arrival(effect))
            case _:
                raise AssertionError(f"this driver cannot perform {type(effect).__name__}")

    async def _exclusively(self, effect: Exclusively[T]) -> Any:  # noqa: ANN401 - the flow's outcome, or BUSY
        keeping = self._keeping
        if keeping is None:
            raise AssertionError("a lock needs a store")

        async def lead() -> Any:  # noqa: ANN401 - the same
            async with keeping.store.exclusive(keeping.login, effect.patience) as held:
                return await self.run(effect.flow()) if held else BUSY

        if effect.purpose is None:
            return await lead()
        return await _share((keeping.store.identity, keeping.login, effect.purpose), lead, effect.patience)

    async def _shielded(self, effect: Shielded[T]) -> T:
        task = unseen_task(self.run(effect.flow()))
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await settled(task)


async def _share(tag: Any, lead: Callable[[], Awaitable[Any]], patience: float) -> Any:  # noqa: ANN401 - any outcome
    """Lead a flight, or wait for the outcome of the one that is under way in this process; as `drive.share`."""
    until = time.monotonic() + patience
    while True:
        mine = flights.Flight()
        with flights.flying(mine, tag) as land:
            flight = flights.board(tag, mine)
            if flight is mine:
                outcome = await lead()
                land(Landing.ABANDONED if outcome is BUSY else outcome)
                return outcome
        if not await _landed(flight, max(0.0, until - time.monotonic())):
            return BUSY
        outcome = flight.outcome()
        if outcome is not Landing.ABANDONED:
            return outcome


async def _landed(flight: flights.Flight, seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def landed() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(wake)

    flight.when_landed(landed)
    try:
        await asyncio.wait_for(waiter, seconds)
    except TimeoutError:
        return flight.wait(0)
    return True
