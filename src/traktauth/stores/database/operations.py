"""What a store on a database does, as generators of commands, so that each is tested alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.models import Record
from traktauth.models.changes import Erase, Reencrypt
from traktauth.models.record import EMPTY, erased_entry
from traktauth.stores.compare_and_swap import compare_and_swap
from traktauth.stores.database.commands import (
    AcquireLease,
    ClaimDue,
    DeleteRow,
    ListLogins,
    ProbeWrite,
    ReadLease,
    ReadRow,
    ReleaseLease,
    Sleep,
    SwapRow,
)
from traktauth.stores.database.lease import (
    LEASE_GRANT_MAX_AGE,
    OWNER_CHECK_INTERVAL,
    owner_has_ended,
    steady_clock,
)
from traktauth.stores.database.row import key_of_row, new_revision, to_row, with_notification
from traktauth.stores.database.row_cache import RowCache
from traktauth.timeouts import LEASE
from traktauth.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traktauth.models import LoginKey
    from traktauth.models.changes import Change
    from traktauth.stores.compare_and_swap import Operation
    from traktauth.stores.database.commands import Database
    from traktauth.stores.database.lease import Backoff
    from traktauth.stores.database.row import Row
    from traktauth.stores.encryption.envelope import Cipher


class LoginOperations:
    """The operations of one store object.

    Args:
        cipher: encrypts what is stored; None stores it in clear.
    """

    def __init__(self, cipher: Cipher | None) -> None:
        self._cipher = cipher
        self.cache = RowCache(cipher)

    # ------------------------------------------------------------ records
    def load(self, login: LoginKey) -> Operation[Record]:
        """Return a login's record."""
        row: Row | None = yield ReadRow(login)
        if row is not None:
            return self.cache.record(login, row)
        return (yield from self._read_erased(login))

    def peek(self, login: LoginKey, database: Database) -> Record | None:
        """Return a login's record if that takes microseconds; else None."""
        row = database.peek(login)
        return None if row is None else self.cache.record(login, row)

    def list_logins(self) -> Operation[list[LoginKey]]:
        """Return every login that has a record, in order."""
        names: list[LoginKey] = yield ListLogins()
        return sorted(login for login in names if login.account)

    def check_writable(self) -> Operation[None]:
        """Show that a record could be encrypted and saved."""
        if self._cipher is not None:
            self._cipher.seal(b"", b"")
        yield ProbeWrite()

    def find_key(self, login: LoginKey) -> Operation[str | None]:
        """Return the id of the key that a record is encrypted with; None if it is not, or the id is not known."""
        row = yield ReadRow(login)
        return None if row is None else key_of_row(row)

    # ------------------------------------------------------------ changes
    def apply(self, login: LoginKey, change: Change) -> Operation[bool]:
        """Apply a change to a record; False if there is nothing to change."""
        if isinstance(change, Erase):
            return (yield from self._erase(login, change))
        if isinstance(change, Reencrypt) and not self.cache.needs_sealing((yield ReadRow(login))):
            return False
        return (yield from self._change(login, change.apply))

    def _erase(self, login: LoginKey, change: Erase) -> Operation[bool]:
        row = yield ReadRow(login)
        left = None if row is None else change.apply(self.cache.record(login, row))
        if row is None or left is None:
            return False
        # First the digest: a save that finds no row looks for it.
        yield from self._change(erased_entry(login), lambda erased: replace(erased, generation=left.generation))
        deleted: bool = yield DeleteRow(login, row.revision)
        return deleted

    def _change(self, login: LoginKey, step: Callable[[Record], Record | None]) -> Operation[bool]:
        """Take a step from record to record by compare-and-swap."""
        erased, written = EMPTY, EMPTY

        def read() -> Operation[Row | None]:
            nonlocal erased
            row: Row | None = yield ReadRow(login)
            if row is None:
                erased = yield from self._read_erased(login)
            return row

        def change(row: Row | None) -> Row | None:
            nonlocal written
            record = step(erased if row is None else self.cache.record(login, row))
            if record is None:
                return None
            written = record
            return to_row(login, record, self._cipher, before=row)

        def swap(row: Row | None, new: Row) -> Operation[bool]:
            swapped: bool = yield SwapRow(login, row.revision if row else None, new)
            if swapped:
                self.cache.learn(login, new, written)
            return swapped

        return (yield from compare_and_swap(change, read, swap, revision=_revision))

    def _read_erased(self, login: LoginKey) -> Operation[Record]:
        """Return the record of a login that has no row: its generation, if it was erased."""
        if not login.account:
            return EMPTY
        row: Row | None = yield ReadRow(erased_entry(login))
        return EMPTY if row is None else Record(generation=row.generation)

    # ------------------------------------------------------------ locks
    def acquire(self, login: LoginKey, owner: str, wait: Backoff) -> Operation[bool]:
        """Take a login's lease; False if another owner had it all the time.

        The lease of a process of this host that has ended, as by SIGKILL, is not waited for.
        """
        check_at = steady_clock() + OWNER_CHECK_INTERVAL
        while not (yield from self._take(login, owner)):
            pause = wait.pause()
            if not pause or steady_clock() >= check_at:
                check_at = steady_clock() + OWNER_CHECK_INTERVAL
                other: str | None = yield ReadLease(login)
                if other is not None and owner_has_ended(other):
                    yield ReleaseLease(login, other)  # that owner's only: another waiter may have taken it by now
                    continue
            if not pause:
                return False
            yield Sleep(pause)
        return True

    def _take(self, login: LoginKey, owner: str) -> Operation[bool]:
        """Ask for the lease; again if the response took so long, as this process was stopped, that it may be over."""
        while True:
            asked_at = steady_clock()
            held: bool = yield AcquireLease(login, owner, LEASE)
            if not held or steady_clock() - asked_at < LEASE_GRANT_MAX_AGE:
                return held

    # ------------------------------------------------------------ for a keeper
    def claim(self, claim: ClaimDue) -> Operation[list[tuple[LoginKey, Record | StoreFailed]]]:
        """Take the locks of the logins that are due; return each with its record, or why that cannot be read."""
        claimed: list[tuple[LoginKey, Record | StoreFailed]] = []
        for login, row in (yield claim):
            try:
                claimed.append((login, self.cache.record(login, row)))
            except StoreFailed as error:
                claimed.append((login, error))
        return claimed

    def release(self, logins: Sequence[LoginKey], owner: str) -> Operation[None]:
        """Release locks that `claim` took."""
        for login in logins:
            yield ReleaseLease(login, owner)

    def set_due(self, login: LoginKey, generation: int, until: float | None) -> Operation[bool]:
        """Let a generation come due no earlier than `until`, or never."""

        def later(row: Row) -> Row | None:
            if row.due_at is None or (until is not None and row.due_at >= until):
                return None
            return replace(row, due_at=until, revision=new_revision())

        return (yield from self._change_row(login, generation, later))

    def record_notification(self, login: LoginKey, generation: int, what: str) -> Operation[bool]:
        """Record that the user was told `what` of a generation; False if that is recorded already."""
        return (yield from self._change_row(login, generation, lambda row: with_notification(row, what)))

    def _change_row(self, login: LoginKey, generation: int, step: Callable[[Row], Row | None]) -> Operation[bool]:
        """Change columns that are not part of the record; False if nothing was changed."""

        def change(row: Row | None) -> Row | None:
            return None if row is None or row.generation != generation else step(row)

        return (yield from self._swap(login, change))

    def _swap(self, login: LoginKey, change: Callable[[Row | None], Row | None]) -> Operation[bool]:
        """Take a step from row to row by compare-and-swap."""

        def read() -> Operation[Row | None]:
            row: Row | None = yield ReadRow(login)
            return row

        def swap(row: Row | None, new: Row) -> Operation[bool]:
            swapped: bool = yield SwapRow(login, row.revision if row else None, new)
            return swapped

        return (yield from compare_and_swap(change, read, swap, revision=_revision))


def _revision(row: Row) -> int:
    return row.revision
