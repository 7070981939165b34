"""A fleet's store in memory, on whatever clock it is given: the keeper's virtual-time tests rest on it."""

from __future__ import annotations

import heapq
from contextlib import contextmanager
from typing import TYPE_CHECKING

from traktauth.models.changes import BeginRefresh, CancelRefresh, SaveToken
from traktauth.models.refresh_window import due_at
from traktauth.stores.fleet import FleetStore, LoginCounts, LoginStates
from traktauth.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from traktauth.models import LoginKey, Record
    from traktauth.models.changes import Change


class MemoryFleet(FleetStore):
    """As many logins as memory holds; the due ones come from a heap."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.plain = MemoryStore()
        self.leases: dict[LoginKey, tuple[str, float]] = {}
        self.reported: set[tuple[LoginKey, int, str]] = set()
        self.statements: dict[str, list[int]] = {"claim": [], "begin": [], "save": [], "release": []}
        self._heap: list[tuple[float, LoginKey, int]] = []
        self._budget: dict[str, tuple[int, float, float]] = {}

    @property
    def identity(self):
        return self.plain.identity

    @property
    def address(self) -> str:
        return "memory:"

    def load(self, login: LoginKey) -> Record:
        return self.plain.load(login)

    def apply(self, login: LoginKey, change: Change) -> bool:
        for name, kind in (("begin", BeginRefresh), ("save", SaveToken)):
            self.statements[name] += [1] * isinstance(change, kind)
        applied = self.plain.apply(login, change)
        if applied and isinstance(change, SaveToken | CancelRefresh):
            self._schedule(login)
        return applied

    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:
        held = self._free(login)
        if held:
            self.leases[login] = ("a client", self.clock() + 30)
        try:
            yield held
        finally:
            if held:
                self.leases.pop(login, None)

    def list_logins(self) -> list[LoginKey]:
        return self.plain.list_logins()

    def check_writable(self) -> None:
        self.plain.check_writable()

    def claim(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, lease: float, owner: str
    ) -> list[tuple[LoginKey, Record]]:
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
            if record.pending_refresh is not None and record.token.expires_at > now:
                later.append((record.token.expires_at, login, generation))
                continue
            self.leases[login] = (owner, self.clock() + lease)
            later.append(entry)  # due until a save or a postponement says otherwise
            claimed.append((login, record))
        for entry in later:
            heapq.heappush(self._heap, entry)
        self.statements["claim"].append(len(claimed))
        return claimed

    def release(self, logins: Sequence[LoginKey], *, owner: str) -> None:
        self.statements["release"].append(len(logins))
        for login in logins:
            if self.leases.get(login, ("", 0))[0] == owner:
                del self.leases[login]

    def defer(self, login: LoginKey, generation: int, *, until: float) -> None:
        self._heap = [entry for entry in self._heap if entry[1] != login]
        heapq.heapify(self._heap)
        heapq.heappush(self._heap, (until, login, generation))

    def never_due(self, login: LoginKey, generation: int) -> None:
        self._heap = [entry for entry in self._heap if entry[1:] != (login, generation)]
        heapq.heapify(self._heap)

    def record_notification(self, login: LoginKey, generation: int, what: str) -> bool:
        known = (login, generation, what) in self.reported
        self.reported.add((login, generation, what))
        return not known

    def count_logins(self, realm: str, client_id: str, *, now: float) -> LoginCounts:
        later = [due for due, _, _ in self._heap if due > now]
        return LoginCounts(len(self._heap), len(self._heap) - len(later), min(later, default=None))

    def count_states(self, realm: str, client_id: str, *, now: float) -> LoginStates:
        raise NotImplementedError

    def upcoming(self, realm: str, client_id: str, *, limit: int) -> list[tuple[LoginKey, float]]:
        return [(login, due) for due, login, _ in sorted(self._heap)[:limit]]

    def take_budget(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
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

    def block_budget(self, realm: str, seconds: float) -> None:
        count, last, _ = self._budget.get(realm, (0, float("-inf"), 0.0))
        self._budget[realm] = (count, last, self.clock() + seconds)

    def _free(self, login: LoginKey) -> bool:
        return self.leases.get(login, ("", float("-inf")))[1] <= self.clock()

    def _schedule(self, login: LoginKey) -> None:
        record = self.plain.load(login)
        if record.token is not None:
            heapq.heappush(self._heap, (due_at(login, record.token), login, record.generation))
