"""The store on a database, with what a keeper needs: runs `LoginOperations`, whose commands a database performs."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from traktauth.errors import StoreFailed
from traktauth.stores.compare_and_swap import run
from traktauth.stores.database.commands import (
    BlockBudget,
    ClaimDue,
    CountLogins,
    CountStates,
    ListUpcoming,
    LoginCounts,
    LoginStates,
    ReleaseLease,
    Sleep,
    TakeBudget,
)
from traktauth.stores.database.lease import Backoff, LeaseOwners
from traktauth.stores.database.operations import LoginOperations
from traktauth.stores.fleet import FleetStore

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable, Sequence

    from traktauth.models import LoginKey, Record
    from traktauth.models.changes import Change
    from traktauth.stores.compare_and_swap import Operation
    from traktauth.stores.database.commands import Command, Database
    from traktauth.stores.encryption.envelope import Cipher

T = TypeVar("T")


class DatabaseStore(FleetStore):
    """A store whose records are rows.

    Args:
        database: performs commands.
        cipher: encrypts what is stored; None stores it in clear.
    """

    def __init__(self, database: Database, *, cipher: Cipher | None = None) -> None:
        self.database = database
        self._operations = LoginOperations(cipher)
        self._cipher = cipher
        self._owners = LeaseOwners()

    @property
    def identity(self) -> Hashable:
        return self.database.identity

    @property
    def address(self) -> str:
        return f"sealed+{self.database.address}" if self._cipher else self.database.address

    def load(self, login: LoginKey) -> Record:
        return self._run(self._operations.load(login))

    def peek(self, login: LoginKey) -> Record | None:
        return self._operations.peek(login, self.database)

    def apply(self, login: LoginKey, change: Change) -> bool:
        return self._run(self._operations.apply(login, change))

    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:
        owner, wait = self._owners.take(login), Backoff(timeout, self.database.longest_pause)
        may_hold = True
        try:  # a signal handler may raise at any step, and the lease may have been taken by then
            try:
                may_hold = held = self._run(self._operations.acquire(login, owner, wait))
            except Exception:
                may_hold = False  # the database failed, and would not answer to a release either
                self._owners.keep(login, owner)
                raise
            yield held
        finally:
            if may_hold:
                try:  # here, as a signal handler may also raise where a function begins
                    self._release(login, owner)
                except BaseException:
                    self._release(login, owner)
                    raise

    def list_logins(self) -> list[LoginKey]:
        return self._run(self._operations.list_logins())

    def check_writable(self) -> None:
        self._run(self._operations.check_writable())

    def encrypt(self, content: bytes, bound: bytes) -> str | None:
        return None if self._cipher is None else self._cipher.seal(content, bound)

    def decrypt(self, encrypted: str, bound: bytes) -> bytes:
        return super().decrypt(encrypted, bound) if self._cipher is None else self._cipher.open(encrypted, bound)

    def encryption_key_id(self, login: LoginKey) -> str | None:
        return self._run(self._operations.find_key(login))

    def durability_warnings(self) -> list[str]:
        return self.database.durability_warnings()

    def close(self) -> None:
        self.database.close()

    # ------------------------------------------------------------ for a keeper
    def claim(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, lease: float, owner: str
    ) -> list[tuple[LoginKey, Record | StoreFailed]]:
        claim = ClaimDue(realm, client_id, before=before, now=now, limit=limit, seconds=lease, owner=owner)
        return self._run(self._operations.claim(claim))

    def release(self, logins: Sequence[LoginKey], *, owner: str) -> None:
        self._run(self._operations.release(logins, owner))

    def defer(self, login: LoginKey, generation: int, *, until: float) -> None:
        self._run(self._operations.set_due(login, generation, until))

    def never_due(self, login: LoginKey, generation: int) -> None:
        self._run(self._operations.set_due(login, generation, None))

    def record_notification(self, login: LoginKey, generation: int, what: str) -> bool:
        return self._run(self._operations.record_notification(login, generation, what))

    def count_logins(self, realm: str, client_id: str, *, now: float) -> LoginCounts:
        return self.database.perform(CountLogins(realm, client_id, now))

    def count_states(self, realm: str, client_id: str, *, now: float) -> LoginStates:
        return self.database.perform(CountStates(realm, client_id, now))

    def upcoming(self, realm: str, client_id: str, *, limit: int) -> list[tuple[LoginKey, float]]:
        return self.database.perform(ListUpcoming(realm, client_id, limit))

    def take_budget(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        return self.database.perform(TakeBudget(realm, wanted, limit, period))

    def block_budget(self, realm: str, seconds: float) -> None:
        self.database.perform(BlockBudget(realm, seconds))

    def _run(self, operation: Operation[T]) -> T:
        return run(operation, self._perform)

    def _perform(self, command: Command[T]) -> T | None:
        if isinstance(command, Sleep):
            time.sleep(command.seconds)
            return None
        return self.database.perform(command)

    def _release(self, login: LoginKey, owner: str) -> None:
        """Release the lease; if the database is gone, the next holding takes it over, or it ends by itself."""
        try:
            self.database.perform(ReleaseLease(login, owner))
        except StoreFailed:
            self._owners.keep(login, owner)
