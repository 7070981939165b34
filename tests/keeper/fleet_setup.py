"""A fleet on virtual time: accounts signed in, a model of Trakt, a keeper."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.fleet import MemoryFleet
from support.trakt_model import TraktModel
from support.virtual import now
from traktauth.errors import StoreFailed
from traktauth.keeper import Keeper, KeeperConfig, RateLimit
from traktauth.models import App, LoginKey, Token, find_service
from traktauth.models.changes import SaveToken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from traktauth.flow.effects import NoResponse
    from traktauth.keeper import Event
    from traktauth.wire.messages import Request, Response

APP = App("c" * 64, client_secret="s" * 64)
DAY = 86400.0
EPOCH = 1_800_000_000.0


def clock() -> float:
    """Return Unix seconds on virtual time."""
    return EPOCH + now()


class Mortal:
    """Whether a keeper lives; once it is killed, nothing that it waits for ever comes."""

    def __init__(self) -> None:
        self.killed = False
        self._buried = asyncio.Event()

    async def live(self) -> None:
        """Go on, if alive."""
        if self.killed:
            await self._buried.wait()
            raise StoreFailed("dead")

    def bury(self) -> None:
        """End what is still waiting, when the scenario is told."""
        self._buried.set()

    async def reach(self, work):
        """Do a store's work, unless the keeper is dead."""
        await self.live()
        return work()


async def reach(work):
    """Do a store's work at once: virtual time does not wait for threads."""
    return work()


@dataclass
class Fleet:
    """Accounts, their store, their Trakt."""

    accounts: int
    life: int = 604800
    spread: float = DAY
    delay: float = 0.2
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trakt = TraktModel(clock, life=self.life)
        self.store = MemoryFleet(clock)
        self.mortals: list[Mortal] = []
        self.fault: Callable[[Request], Awaitable[Response | NoResponse | None]] | None = None

    async def sign_everybody_in(self) -> None:
        """Sign accounts in, spread over the day before now."""
        for number in range(self.accounts):
            pair = self.trakt.sign_in(number)
            began = clock() - self.spread * number / self.accounts
            self.trakt.ends[number, 1] = began + self.life
            token = Token(
                str(pair["access_token"]),
                str(pair["refresh_token"]),
                expires_in=self.life,
                expires_at=began + self.life,
                generation=1,
            )
            self.store.apply(login(number), SaveToken(token, 0, at=1.0))
        self.store.statements["save"].clear()

    async def send(self, request: Request) -> Response | NoResponse:
        """Send as a network does: it takes a while, and may go wrong."""
        await asyncio.sleep(self.delay)
        if self.fault is not None:
            reply = await self.fault(request)
            if reply is not None:
                return reply
        return self.trakt.receive(request)

    def keeper(self, *, mortal: Mortal | None = None, in_thread=reach, **plan: object) -> Keeper:
        """Return a keeper of this fleet; a mortal one can be killed."""
        if mortal is not None:
            self.mortals.append(mortal)
        values = {"rate_limit": RateLimit(10**6, 0.0), "clock": clock, "idle": 300.0, **plan}

        async def send(request: Request) -> Response | NoResponse:
            reply = await self.send(request)
            if mortal is not None:
                await mortal.live()
            return reply

        return Keeper(
            self.store,
            KeeperConfig(APP, find_service("trakt"), **values),
            send=send,
            on_event=self.events.append,
            monotonic=now,
            in_thread=in_thread if mortal is None else mortal.reach,
        )

    async def keep_for(self, seconds: float, *keepers: Keeper) -> None:
        """Let keepers run for a while, then stop them."""
        tasks = [asyncio.create_task(keeper.run()) for keeper in keepers]
        await asyncio.sleep(seconds)
        for keeper in keepers:
            keeper.stop()
        await asyncio.gather(*tasks)

    def reported(self, kind: type) -> list[Event]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def resent_while_alive(self) -> list[tuple[int, int]]:
        """Return the refresh tokens that were sent twice while their access token lived."""
        seen: set[tuple[int, int]] = set()
        found = []
        for at, account, serial in self.trakt.sent:
            if (account, serial) in seen and at < self.trakt.ends[account, serial] - 1:
                found.append((account, serial))
            seen.add((account, serial))
        return found


def login(number: int) -> LoginKey:
    """Return the key of an account."""
    return LoginKey("trakt", APP.client_id, f"user-{number}")
