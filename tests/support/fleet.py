"""A fleet's store in memory, on whatever clock it is given: the keeper's virtual-time tests rest on it."""

from __future__ import annotations

import heapq
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from traktauth.models.due import due_at
from traktauth.stores.fleet import FleetStore, Saving
from traktauth.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from traktauth.models import Login, Record, Renewal, Token


class MemoryFleet(FleetStore):
    """As many logins as memory holds; the due ones come from a heap."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.plain = MemoryStore()
        self.leases: dict[Login, tuple[str, float]] = {}
        self.told: set[tuple[Login, int, str]] = set()
        self.statements: dict[str, list[int]] = {"claim": [], "begin": [], "save": [], "release": []}
        self._heap: list[tuple[float, Login, int]] = []
        self._budget: dict[str, tuple[int, float, float]] = {}

    @property
    def identity(self):
        return self.plain.identity

    @property
    def address(self) -> str:
        return "memory:"

    async def load(self, login: Login) -> Record:
        return self.plain.load(login)

    async def begin(self, login: Login, renewal: Renewal) -> bool:
        return (await self.begin_many([(login, renewal)]))[0]

    async def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        self.plain.cancel(login, renewal, before)
        self._schedule(login)

    async def save(self, login: Login, token: Token, *, after: int, at: float) -> bool:
        return (await self.save_many([Saving(login, token, after)], at=at))[0]

    async def mark(self, login: Login, generation: int, why: str | None) -> None:
        self.plain.mark(login, generation, why)

    async def forget(self, login: Login, generation: int) -> None:
        self.plain.forget(login, generation)

    @asynccontextmanager
    async def exclusive(self, login: Login, patience: float) -> AsyncGenerator[bool]:
        held = self._free(login)
        if held:
            self.leases[login] = ("a client", self.clock() + 30)
        try:
            yield held
        finally:
            if held:
                self.leases.pop(login, None)

    async def logins(self) -> list[Login]:
        return self.plain.logins()

    async def check(self) -> None:
        self.plain.check()

    async def claim(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, lease: float, owner: str
    ) -> list[tuple[Login, Record]]:
        claimed = []
        later = []
        while self._heap and len(claimed) < limit and self._heap[0][0] <= before:
            entry = heapq.heappop(self._heap)
            _, login, generation = entry
            record = self.plain.load(login)
            if record.generation != generation or record.token is None:
                continue
            if not self._free(login):
                later.append(entry)
                continue
            if record.renewal is not None and record.token.expires_at > now:
                later.append((record.token.expires_at, login, generation))
                continue
            self.leases[login] = (owner, self.clock() + lease)
            later.append(entry)  # due until a save or a postponement says otherwise
            claimed.append((login, record))
        for entry in later:
            heapq.heappush(self._heap, entry)
        self.statements["claim"].append(len(claimed))
        return claimed

    async def release(self, logins: Sequence[Login], *, owner: str) -> None:
        self.statements["release"].append(len(logins))
        for login in logins:
            if self.leases.get(login, ("", 0))[0] == owner:
                del self.leases[login]

    async def postpone(self, login: Login, generation: int, *, until: float) -> None:
        self._heap = [entry for entry in self._heap if entry[1] != login]
        heapq.heapify(self._heap)
        heapq.heappush(self._heap, (until, login, generation))

    async def settle(self, login: Login, generation: int) -> None:
        self._heap = [entry for entry in self._heap if entry[1:] != (login, generation)]
        heapq.heapify(self._heap)

    async def begin_many(self, renewals: Sequence[tuple[Login, Renewal]]) -> list[bool]:
        self.statements["begin"].append(len(renewals))
        return [self.plain.begin(login, renewal) for login, renewal in renewals]

    async def save_many(self, savings: Sequence[Saving], *, at: float) -> list[bool]:
        self.statements["save"].append(len(savings))
        answers = []
        for saving in savings:
            answers.append(self.plain.save(saving.login, saving.token, after=saving.after, at=at))
            if answers[-1]:
                self._schedule(saving.login)
        return answers

    async def tell_once(self, login: Login, generation: int, what: str) -> bool:
        known = (login, generation, what) in self.told
        self.told.add((login, generation, what))
        return not known

    async def count_due(self, realm: str, client_id: str, *, before: float) -> int:
        return sum(due <= before for due, _, _ in self._heap)

    async def take(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        now = self.clock()
        count, last, held_until = self._budget.get(realm, (0, float("-inf"), 0.0))
        if now < held_until:
            return 0, held_until - now
        if now - last > period:
            count = 0
        granted = min(wanted, limit - count)
        if granted <= 0:
            return 0, period - (now - last) + 0.001
        self._budget[realm] = (count + granted, now, held_until)
        return granted, 0.0

    async def hold(self, realm: str, seconds: float) -> None:
        count, last, _ = self._budget.get(realm, (0, float("-inf"), 0.0))
        self._budget[realm] = (count, last, self.clock() + seconds)

    def _free(self, login: Login) -> bool:
        return self.leases.get(login, ("", float("-inf")))[1] <= self.clock()

    def _schedule(self, login: Login) -> None:
        record = self.plain.load(login)
        if record.token is not None:
            heapq.heappush(self._heap, (due_at(login, record.token), login, record.generation))
