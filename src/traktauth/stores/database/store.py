"""The store on a database of rows, with what a keeper needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Hashable, Sequence
from contextlib import contextmanager
from dataclasses import replace

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record
from traktauth.models.changes import Change, Erase, Reencrypt
from traktauth.models.record import EMPTY, erased_entry
from traktauth.stores.compare_and_swap import compare_and_swap
from traktauth.stores.database.database import Database
from traktauth.stores.database.lease import (
    LEASE_GRANT_MAX_AGE,
    OWNER_CHECK_INTERVAL,
    Backoff,
    LeaseOwners,
    owner_has_ended,
    steady_clock,
)
from traktauth.stores.database.row import Row, key_of_row, new_revision, to_row, with_notification
from traktauth.stores.database.row_cache import RowCache
from traktauth.stores.encryption.envelope import Cipher
from traktauth.stores.fleet import FleetStore, LoginCounts, LoginStates
from traktauth.timeouts import LEASE


class DatabaseStore(FleetStore):
    """A store whose records are rows.

    Args:
        database: holds the rows.
        cipher: encrypts what is stored; None stores it in clear.
    """

    def __init__(self, database: Database, *, cipher: Cipher | None = None) -> None:
        self.database = database
        self._cipher = cipher
        self._cache = RowCache(cipher)
        self._owners = LeaseOwners()

    @property
    def identity(self) -> Hashable:
        return self.database.identity

    @property
    def address(self) -> str:
        return f"sealed+{self.database.address}" if self._cipher else self.database.address

    # ------------------------------------------------------------ records
    def load(self, login: LoginKey) -> Record:
        row = self.database.read_row(login)
        return self._read_erased(login) if row is None else self._cache.record(login, row)

    def peek(self, login: LoginKey) -> Record | None:
        row = self.database.peek_row(login)
        return None if row is None else self._cache.record(login, row)

    def list_logins(self) -> list[LoginKey]:
        return sorted(login for login in self.database.list_logins() if login.account)

    def check_writable(self) -> None:
        if self._cipher is not None:
            self._cipher.seal(b"", b"")
        self.database.probe_write()

    def encrypt(self, content: bytes, bound: bytes) -> str | None:
        return None if self._cipher is None else self._cipher.seal(content, bound)

    def decrypt(self, encrypted: str, bound: bytes) -> bytes:
        return super().decrypt(encrypted, bound) if self._cipher is None else self._cipher.open(encrypted, bound)

    def encryption_key_id(self, login: LoginKey) -> str | None:
        row = self.database.read_row(login)
        return None if row is None else key_of_row(row)

    def durability_warnings(self) -> list[str]:
        return self.database.durability_warnings()

    def close(self) -> None:
        self.database.close()

    def _read_erased(self, login: LoginKey) -> Record:
        """Return the record of a login that has no row: its generation, if it was erased."""
        row = self.database.read_row(erased_entry(login)) if login.account else None
        return EMPTY if row is None else Record(generation=row.generation)

    # ------------------------------------------------------------ changes
    def apply(self, login: LoginKey, change: Change) -> bool:
        if isinstance(change, Erase):
            return self._erase(login, change)
        if isinstance(change, Reencrypt) and not self._cache.needs_sealing(self.database.read_row(login)):
            return False
        return self._change(login, change.apply)

    def _erase(self, login: LoginKey, change: Erase) -> bool:
        row = self.database.read_row(login)
        left = None if row is None else change.apply(self._cache.record(login, row))
        if row is None or left is None:
            return False
        # Write the digest first: a save that finds no row looks for it.
        self._change(erased_entry(login), lambda erased: replace(erased, generation=left.generation))
        return self.database.delete_row(login, row.revision)

    def _change(self, login: LoginKey, step: Callable[[Record], Record | None]) -> bool:
        """Take a step from record to record by compare-and-swap."""
        written = EMPTY

        def change(row: Row | None) -> Row | None:
            nonlocal written
            record = step(self._read_erased(login) if row is None else self._cache.record(login, row))
            if record is None:
                return None
            written = record
            return to_row(login, record, self._cipher, before=row)

        def swap(row: Row | None, new: Row) -> bool:
            swapped = self._swap(login, row, new)
            if swapped:
                self._cache.learn(login, new, written)
            return swapped

        return compare_and_swap(change, lambda: self.database.read_row(login), swap, revision=_revision)

    def _change_row(self, login: LoginKey, generation: int, step: Callable[[Row], Row | None]) -> bool:
        """Change columns that are not part of the record; False if nothing was changed."""

        def change(row: Row | None) -> Row | None:
            return None if row is None or row.generation != generation else step(row)

        return compare_and_swap(
            change,
            lambda: self.database.read_row(login),
            lambda row, new: self._swap(login, row, new),
            revision=_revision,
        )

    def _swap(self, login: LoginKey, row: Row | None, new: Row) -> bool:
        return self.database.swap_row(login, row.revision if row else None, new)

    # ------------------------------------------------------------ locks
    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:
        owner = self._owners.take(login)
        may_hold = True
        try:  # a signal handler may raise at any step, and the lease may have been taken by then
            try:
                may_hold = held = self._acquire(login, owner, Backoff(timeout, self.database.longest_pause))
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

    def _acquire(self, login: LoginKey, owner: str, wait: Backoff) -> bool:
        """Take a login's lease; False if another owner had it all the time.

        The lease of a process of this host that has ended, as by SIGKILL, is not waited for.
        """
        check_at = steady_clock() + OWNER_CHECK_INTERVAL
        while not self._take(login, owner):
            pause = wait.pause()
            if not pause or steady_clock() >= check_at:
                check_at = steady_clock() + OWNER_CHECK_INTERVAL
                other = self.database.read_lease(login)
                if other is not None and owner_has_ended(other):
                    # That owner's only: another waiter may have taken it by now.
                    self.database.release_lease(login, other)
                    continue
            if not pause:
                return False
            time.sleep(pause)
        return True

    def _take(self, login: LoginKey, owner: str) -> bool:
        """Ask for the lease; again if the response took so long, as this process was stopped, that it may be over."""
        while True:
            asked_at = steady_clock()
            held = self.database.acquire_lease(login, owner, LEASE)
            if not held or steady_clock() - asked_at < LEASE_GRANT_MAX_AGE:
                return held

    def _release(self, login: LoginKey, owner: str) -> None:
        """Release the lease; if the database is gone, the next holding takes it over, or it ends by itself."""
        try:
            self.database.release_lease(login, owner)
        except StoreFailed:
            self._owners.keep(login, owner)

    # ------------------------------------------------------------ for a keeper
    def claim(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, lease: float, owner: str
    ) -> list[tuple[LoginKey, Record | StoreFailed]]:
        claimed: list[tuple[LoginKey, Record | StoreFailed]] = []
        for login, row in self.database.claim_due(
            realm, client_id, before=before, now=now, limit=limit, seconds=lease, owner=owner
        ):
            try:
                claimed.append((login, self._cache.record(login, row)))
            except StoreFailed as error:
                claimed.append((login, error))
        return claimed

    def release(self, logins: Sequence[LoginKey], *, owner: str) -> None:
        for login in logins:
            self.database.release_lease(login, owner)

    def defer(self, login: LoginKey, generation: int, *, until: float) -> None:
        self._set_due(login, generation, until)

    def never_due(self, login: LoginKey, generation: int) -> None:
        self._set_due(login, generation, None)

    def _set_due(self, login: LoginKey, generation: int, until: float | None) -> None:
        """Let a generation come due no earlier than `until`, or never."""

        def later(row: Row) -> Row | None:
            if row.due_at is None or (until is not None and row.due_at >= until):
                return None
            return replace(row, due_at=until, revision=new_revision())

        self._change_row(login, generation, later)

    def record_notification(self, login: LoginKey, generation: int, what: str) -> bool:
        return self._change_row(login, generation, lambda row: with_notification(row, what))

    def count_logins(self, realm: str, client_id: str, *, now: float) -> LoginCounts:
        return self.database.count_logins(realm, client_id, now=now)

    def count_states(self, realm: str, client_id: str, *, now: float) -> LoginStates:
        return self.database.count_states(realm, client_id, now=now)

    def upcoming(self, realm: str, client_id: str, *, limit: int) -> list[tuple[LoginKey, float]]:
        return self.database.upcoming(realm, client_id, limit=limit)

    def take_budget(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        return self.database.take_budget(realm, wanted=wanted, limit=limit, period=period)

    def block_budget(self, realm: str, seconds: float) -> None:
        self.database.block_budget(realm, seconds)


def _revision(row: Row) -> int:
    return row.revision
