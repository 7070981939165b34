"""A store on a database. The two promises are pure steps from record to record; the database swaps rows."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.stores.commands import Names, Read, Release, Swap, Take, Try
from traktauth.stores.leases import LATE, LEASE, Wait, new_owner, steady_clock
from traktauth.stores.reading import Reading
from traktauth.stores.rows import key_of_row, to_row
from traktauth.stores.stepping import SteppingStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable

    from traktauth.models import Login, Record
    from traktauth.stores.commands import Database
    from traktauth.stores.sealing import Sealer

TRIES = 1000  # a change is tried again only when another has got through, so this is no waiting for nothing


class DatabaseStore(SteppingStore):
    """A store whose records are rows.

    Args:
        database: performs commands.
        sealer: encrypts what is kept; None keeps it in clear.
        cache: seconds for which a record that was read is taken for known. What others do is then seen that much later
            or when the lock is taken, which is before anything is sent.
    """

    def __init__(self, database: Database, *, sealer: Sealer | None = None, cache: float = 0.0) -> None:
        self.database = database
        self._sealer = sealer
        self._reading = Reading(sealer, cache)

    @property
    def identity(self) -> Hashable:
        return self.database.identity

    @property
    def address(self) -> str:
        return f"sealed+{self.database.address}" if self._sealer else self.database.address

    def load(self, login: Login) -> Record:
        record = self._reading.known(login)
        if record is None:
            record = self._reading.record(login, self.database.perform(Read(login)))
        return record

    def peek(self, login: Login) -> Record | None:
        if self.database.quick:
            return self.load(login)
        return self._reading.known(login)

    def reseal(self, login: Login) -> bool:
        row = self.database.perform(Read(login))
        return self._reading.needs_sealing(row) and self._change(login, lambda record: record)

    def sealed_with(self, login: Login) -> str | None:
        row = self.database.perform(Read(login))
        return None if row is None else key_of_row(row)

    @contextmanager
    def exclusive(self, login: Login, patience: float) -> Generator[bool]:
        owner, wait = new_owner(), Wait(patience, self.database.longest_pause)
        while not (held := self._take(login, owner)):
            pause = wait.pause()
            if not pause:
                break
            time.sleep(pause)
        self._reading.forget(login)
        try:
            yield held
        finally:
            if held:
                self._release(login, owner)

    def logins(self) -> list[Login]:
        names = self.database.perform(Names())
        return sorted(names)

    def check(self) -> None:
        if self._sealer is not None:
            self._sealer.seal(b"", b"")
        self.database.perform(Try())

    def problems(self) -> list[str]:
        return self.database.problems()

    def close(self) -> None:
        self.database.close()

    def _change(self, login: Login, step: Callable[[Record], Record | None]) -> bool:
        """Take one step from record to record by compare-and-swap; False where there is none to take."""
        self._reading.forget(login)
        written = None
        for _ in range(TRIES):
            row = self.database.perform(Read(login))
            if row is not None and row.revision == written:
                return True  # it was done, and the answer to it lost
            record = step(self._reading.record(login, row, known=False))
            if record is None:
                return False
            new = to_row(login, record, self._sealer, before=row)
            if self.database.perform(Swap(login, row.revision if row else None, new)):
                self._reading.learn(login, new, record)
                return True
            written = new.revision
        raise StoreFailed("Others changed this login without end, so it could not be changed")

    def _take(self, login: Login, owner: str) -> bool:
        """Ask for the lease; an answer that was long on its way, as we were stopped, is worth nothing."""
        while True:
            asked_at = steady_clock()
            held = self.database.perform(Take(login, owner, LEASE))
            if not held or steady_clock() - asked_at < LATE:
                return held

    def _release(self, login: Login, owner: str) -> None:
        """Give the lease back; where the database is gone, it ends by itself."""
        try:
            self.database.perform(Release(login, owner))
        except StoreFailed:
            return
