"""The store on a database of rows, with what a keeper needs; a subclass for each database has its statements."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record
from traktauth.models.changes import Change, Erase, Reencrypt
from traktauth.models.record import EMPTY, erased_entry
from traktauth.stores.database.lease import (
    LEASE_GRANT_MAX_AGE,
    OWNER_CHECK_INTERVAL,
    Backoff,
    LeaseOwners,
    owner_has_ended,
    steady_clock,
)
from traktauth.stores.database.row import (
    Row,
    from_row,
    key_of_row,
    needs_sealing,
    new_revision,
    to_row,
    with_notification,
)
from traktauth.stores.encryption import Cipher
from traktauth.stores.errors import without_frames
from traktauth.stores.fleet import FleetStore
from traktauth.stores.text_store import compare_and_swap
from traktauth.timeouts import LEASE

VERSION = 2  # of the tables, and of the keys in Redis
PROBE_CONTENT = " " * 8192
"""What is written as a trial: more characters than a record has."""
_A_LITTLE = 0.001  # seconds: the silence must have been longer than the period
_MAX_PARSED = 1024  # rows that are not parsed again; a keeper's million must not be kept


def check_version(place: str, version: object) -> None:
    """Check that what a database holds is of the version that this program uses.

    Raises:
        StoreFailed: it is of an earlier or a later version.
    """
    if type(version) is not int or version != VERSION:
        raise StoreFailed(
            f"{place} has the schema {version}; this version of traktauth uses schema {VERSION}; it is left as it is",
            hint="Use the version of traktauth that wrote it, or choose another store and sign in again",
        )


class DatabaseStore(FleetStore):
    """A store whose records are rows, for use in any thread, also after a fork.

    Every method of a subclass raises `StoreFailed`, in words that name no password, if it cannot do its work.

    Args:
        place: the database's address, without passwords.
        cipher: encrypts what is stored; None stores it in clear.

    Attributes:
        longest_pause: seconds between two looks at a lease.
    """

    longest_pause: float

    def __init__(self, place: str, cipher: Cipher | None) -> None:
        self.place = place
        self._cipher = cipher
        self._parsed: dict[LoginKey, tuple[Row, Record]] = {}
        self._owners = LeaseOwners()

    @property
    def address(self) -> str:
        return f"sealed+{self.place}" if self._cipher else self.place

    # ------------------------------------------------------------ what a database does
    @abstractmethod
    def read_row(self, login: LoginKey) -> Row | None:
        """Return a login's row."""

    def peek_row(self, login: LoginKey) -> Row | None:
        """Return a login's row if that takes microseconds; else None, as if a connection must be opened."""
        del login
        return None

    @abstractmethod
    def swap_row(self, login: LoginKey, seen: int | None, row: Row) -> bool:
        """Put a row in the place of the one of this revision (None: of none); False if another is there by now."""

    @abstractmethod
    def delete_row(self, login: LoginKey, seen: int) -> bool:
        """Remove the row of this revision, with its lease; False if another is there by now."""

    @abstractmethod
    def list_keys(self) -> list[LoginKey]:
        """Return the key of every row, in any order."""

    @abstractmethod
    def probe_write(self) -> None:
        """Write something that is not read, as the next row would be."""

    @abstractmethod
    def acquire_lease(self, login: LoginKey, owner: str, seconds: float) -> bool:
        """Take a login's lease for some seconds, by the database's clock; False if another owner has it."""

    @abstractmethod
    def read_lease(self, login: LoginKey) -> str | None:
        """Return who has a login's lease, which may have ended; None if it was released."""

    @abstractmethod
    def release_lease(self, login: LoginKey, owner: str) -> None:
        """Release a lease, if this owner still has it."""

    @abstractmethod
    def claim_due(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, seconds: float, owner: str
    ) -> list[tuple[LoginKey, Row]]:
        """Take the leases of the next logins due; return each with its row."""

    # ------------------------------------------------------------ records
    def load(self, login: LoginKey) -> Record:
        row = self.read_row(login)
        return self._read_erased(login) if row is None else self._record(login, row)

    def peek(self, login: LoginKey) -> Record | None:
        row = self.peek_row(login)
        return None if row is None else self._record(login, row)

    def list_logins(self) -> list[LoginKey]:
        return sorted(login for login in self.list_keys() if login.account)

    def check_writable(self) -> None:
        if self._cipher is not None:
            self._cipher.seal(b"", b"")
        self.probe_write()

    def encryption_key_id(self, login: LoginKey) -> str | None:
        row = self.read_row(login)
        return None if row is None else key_of_row(row)

    def _record(self, login: LoginKey, row: Row) -> Record:
        """Return the record in a row; the same row is not parsed twice."""
        parsed = self._parsed.get(login)
        if parsed is not None and parsed[0] == row:
            return parsed[1]
        record = without_frames(lambda: from_row(login, row, self._cipher))
        self._keep_parsed(login, row, record)
        return record

    def _keep_parsed(self, login: LoginKey, row: Row, record: Record) -> None:
        if len(self._parsed) >= _MAX_PARSED:
            self._parsed.clear()
        self._parsed[login] = row, record

    def _read_erased(self, login: LoginKey) -> Record:
        """Return the record of a login that has no row: its generation, if it was erased."""
        row = self.read_row(erased_entry(login)) if login.account else None
        return EMPTY if row is None else Record(generation=row.generation)

    # ------------------------------------------------------------ changes
    def apply(self, login: LoginKey, change: Change) -> bool:
        if isinstance(change, Erase):
            return self._erase(login, change)
        if isinstance(change, Reencrypt):
            row = self.read_row(login)
            if row is None or self._cipher is None or not needs_sealing(row, self._cipher):
                return False
        return self._change(login, change.apply)

    def _erase(self, login: LoginKey, change: Erase) -> bool:
        row = self.read_row(login)
        left = None if row is None else change.apply(self._record(login, row))
        if row is None or left is None:
            return False
        # Write the digest first: a save that finds no row looks for it.
        self._change(erased_entry(login), lambda erased: replace(erased, generation=left.generation))
        return self.delete_row(login, row.revision)

    def _change(self, login: LoginKey, step: Callable[[Record], Record | None]) -> bool:
        """Take a step from record to record by compare-and-swap."""
        written = EMPTY

        def change(row: Row | None) -> Row | None:
            nonlocal written
            record = step(self._read_erased(login) if row is None else self._record(login, row))
            if record is None:
                return None
            written = record
            return to_row(login, record, self._cipher, before=row)

        def swap(row: Row | None, new: Row) -> bool:
            swapped = self._swap(login, row, new)
            if swapped:
                self._keep_parsed(login, new, written)
            return swapped

        return compare_and_swap(change, lambda: self.read_row(login), swap, revision=_revision)

    def _change_row(self, login: LoginKey, generation: int, step: Callable[[Row], Row | None]) -> bool:
        """Change columns that are not part of the record; False if nothing was changed."""

        def change(row: Row | None) -> Row | None:
            return None if row is None or row.generation != generation else step(row)

        return compare_and_swap(
            change,
            lambda: self.read_row(login),
            lambda row, new: self._swap(login, row, new),
            revision=_revision,
        )

    def _swap(self, login: LoginKey, row: Row | None, new: Row) -> bool:
        return self.swap_row(login, row.revision if row else None, new)

    # ------------------------------------------------------------ locks
    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:
        owner = self._owners.take(login)
        may_hold = True
        try:  # a signal handler may raise at any step, and the lease may have been taken by then
            try:
                may_hold = held = self._acquire(login, owner, Backoff(timeout, self.longest_pause))
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
                other = self.read_lease(login)
                if other is not None and owner_has_ended(other):
                    # That owner's only: another waiter may have taken it by now.
                    self.release_lease(login, other)
                    continue
            if not pause:
                return False
            time.sleep(pause)
        return True

    def _take(self, login: LoginKey, owner: str) -> bool:
        """Ask for the lease; again if the response took so long, as this process was stopped, that it may be over."""
        while True:
            asked_at = steady_clock()
            held = self.acquire_lease(login, owner, LEASE)
            if not held or steady_clock() - asked_at < LEASE_GRANT_MAX_AGE:
                return held

    def _release(self, login: LoginKey, owner: str) -> None:
        """Release the lease; if the database is gone, the next holding takes it over, or it ends by itself."""
        try:
            self.release_lease(login, owner)
        except StoreFailed:
            self._owners.keep(login, owner)

    # ------------------------------------------------------------ for a keeper
    def claim(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, lease: float, owner: str
    ) -> list[tuple[LoginKey, Record | StoreFailed]]:
        claimed: list[tuple[LoginKey, Record | StoreFailed]] = []
        for login, row in self.claim_due(
            realm, client_id, before=before, now=now, limit=limit, seconds=lease, owner=owner
        ):
            try:
                claimed.append((login, self._record(login, row)))
            except StoreFailed as error:
                claimed.append((login, error))
        return claimed

    def release(self, logins: Sequence[LoginKey], *, owner: str) -> None:
        for login in logins:
            self.release_lease(login, owner)

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


def _revision(row: Row) -> int:
    return row.revision


def granted_budget(*, granted: int, is_spent: bool, held: float, quiet: float) -> tuple[int, float]:
    """Return what may be sent, and the seconds until more may.

    Args:
        granted: what was taken.
        is_spent: whether the whole budget has been taken by now.
        held: seconds until the budget is not blocked any more.
        quiet: seconds until the service has begun to count again.
    """
    if granted > 0:
        return granted, 0.0
    return 0, max(held, quiet if is_spent else 0.0, 0.0) + _A_LITTLE
