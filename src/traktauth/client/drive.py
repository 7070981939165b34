"""The only two loops: a driver performs what a flow asks for, blocking or async, and sends the answers back in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.client import flights
from traktauth.client.flights import Landing
from traktauth.client.keeping import Keeping, write_note
from traktauth.client.threads import Unfinished, uninterrupted
from traktauth.flow.effects import (
    BUSY,
    Arrival,
    Ask,
    Effect,
    Exclusively,
    Flow,
    Keep,
    Listening,
    Note,
    Send,
    Shielded,
    Sleep,
    Tell,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.client.person import Person
    from traktauth.flow.effects import NoReply
    from traktauth.wire.messages import Reply, Request

T = TypeVar("T")


class Driver:
    """Runs flows in the caller's thread.

    Args:
        keeping: the login in its store; None for flows that need no store.
        send: sends one request.
        person: shows steps and takes answers; None for flows that sign nobody in.
        sleep: waits, in seconds.
        unfinished: counts the renewals that are under way.
    """

    def __init__(
        self,
        keeping: Keeping | None,
        send: Callable[[Request], Reply | NoReply],
        *,
        person: Person | None = None,
        sleep: Callable[[float], None] = time.sleep,
        unfinished: Unfinished | None = None,
    ) -> None:
        self._keeping = keeping
        self._send = send
        self._person = person
        self._sleep = sleep
        self._unfinished = unfinished or Unfinished()

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value.

        Raises:
            BaseException: what the flow raises; what befalls the driver meanwhile is thrown into the flow first.
        """
        answer: Any = None
        failure: BaseException | None = None
        while True:
            try:
                effect = flow.send(answer) if failure is None else flow.throw(failure)
            except StopIteration as end:
                value: T = end.value
                return value
            try:
                answer, failure = self._perform(effect), None
            except BaseException as error:  # noqa: BLE001 - the flow decides
                answer, failure = None, error

    def _perform(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - the effect knows its answer's type
        if self._keeping is not None and (call := self._keeping.call(effect)) is not None:
            return call()
        match effect:
            case Send(request):
                return self._send(request)
            case Sleep(seconds):
                return self._sleep(seconds)
            case Note():
                return write_note(effect)
            case Exclusively():
                return self._exclusively(effect)
            case Shielded():
                return self._shielded(effect)
            case _:
                return self._perform_for_person(effect)

    def _perform_for_person(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - see above
        person = self._person
        match effect:
            case Keep() if self._keeping is not None:
                return self._keeping.keep(effect)
            case Tell(step) if person is not None:
                return person.tell(step)
            case Ask(step) if person is not None:
                return person.ask(step)
            case Listening(redirect_uri, flow) if person is not None:
                with person.listening(redirect_uri) as actual:
                    return self.run(flow(actual))
            case Arrival() if person is not None:
                return person.arrival(effect)
            case _:
                raise AssertionError(f"this driver cannot perform {type(effect).__name__}")

    def _exclusively(self, effect: Exclusively[T]) -> Any:  # noqa: ANN401 - the flow's outcome, or BUSY
        keeping = self._keeping
        if keeping is None:
            raise AssertionError("a lock needs a store")

        def lead() -> Any:  # noqa: ANN401 - the same
            with keeping.store.exclusive(keeping.login, effect.patience) as held:
                return self.run(effect.flow()) if held else BUSY

        if effect.purpose is None:
            return lead()
        return share((keeping.store.identity, keeping.login, effect.purpose), lead, effect.patience)

    def _shielded(self, effect: Shielded[T]) -> T:
        def work() -> T:
            with self._unfinished:
                return self.run(effect.flow())

        return uninterrupted(work)


def share(tag: Any, lead: Callable[[], Any], patience: float) -> Any:  # noqa: ANN401 - any tag, any outcome
    """Lead a flight, or wait `patience` seconds for the outcome of the one that is under way; BUSY after that."""
    until = time.monotonic() + patience
    while True:
        mine = flights.Flight()
        with flights.flying(mine, tag) as land:
            flight = flights.board(tag, mine)
            if flight is mine:
                outcome = lead()
                # Who got no lock has found out nothing for those who are more patient.
                land(Landing.ABANDONED if outcome is BUSY else outcome)
                return outcome
        if not flight.wait(max(0.0, until - time.monotonic())):
            return BUSY
        outcome = flight.outcome()
        if outcome is not Landing.ABANDONED:
            return outcome
