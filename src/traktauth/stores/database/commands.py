"""What a store asks its database to do. Each database says in one place how; blocking and async drivers share that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from traktauth.values import value

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Protocol

    from traktauth.models import LoginKey
    from traktauth.stores.database.row import Row

T = TypeVar("T")

_A_LITTLE = 0.001  # seconds: the silence must have been longer than the period


class Command(Generic[T]):
    """One thing to be done in a database, whole or not at all; its result is a *T*."""

    __slots__ = ()


@value
class Sleep(Command[None]):
    """Wait some seconds; done by what runs an operation, not by the database."""

    seconds: float


@value
class ReadRow(Command["Row | None"]):
    """Read a login's row."""

    login: LoginKey


@value
class SwapRow(Command[bool]):
    """Put a row in the place of the one of this revision (None: of none); False where another is there by now."""

    login: LoginKey
    seen: int | None
    row: Row


@value
class DeleteRow(Command[bool]):
    """Remove the row of this revision, with its lease; False if another is there by now."""

    login: LoginKey
    seen: int


@value
class AcquireLease(Command[bool]):
    """Take a login's lease for some seconds, by the database's clock; False if another owner has it."""

    login: LoginKey
    owner: str
    seconds: float


@value
class ReadLease(Command["str | None"]):
    """Read who has a login's lease, which may have ended; None if it was released."""

    login: LoginKey


@value
class ReleaseLease(Command[None]):
    """Release a lease, if this owner still has it."""

    login: LoginKey
    owner: str


@value
class ClaimDue(Command["list[tuple[LoginKey, Row]]"]):
    """Take the leases of the next logins due; see `traktauth.stores.fleet.FleetStore.claim`."""

    realm: str
    client_id: str
    before: float
    now: float
    limit: int
    seconds: float
    owner: str


@value
class LoginCounts:
    """How many logins of an app a store holds.

    Attributes:
        logins: those with a token; in Redis those whose end has not been reported yet.
        due: those that a keeper would take up now.
        next_due_at: when the next one comes due, in Unix seconds; None if none does.
        unconfirmed: valid ones with a pending refresh; None if the store does not know.
        sign_in: those that cannot be refreshed any more; None if the store does not know.
    """

    logins: int
    due: int
    next_due_at: float | None
    unconfirmed: int | None = None
    sign_in: int | None = None


@value
class CountLogins(Command[LoginCounts]):
    """Count an app's logins; see `traktauth.stores.fleet.FleetStore.count_logins`."""

    realm: str
    client_id: str
    now: float


@value
class LoginStates:
    """How many logins of an app are in which state; each with a token is in one.

    Attributes:
        valid: the access token is valid, and the login is not due.
        due: the access token is valid, and a keeper would refresh it now.
        overdue: the access token has expired, and the login can be refreshed.
        sign_in_required: it cannot be refreshed any more.
    """

    valid: int
    due: int
    overdue: int
    sign_in_required: int


@value
class CountStates(Command[LoginStates]):
    """Count an app's logins by state; see `traktauth.stores.fleet.FleetStore.count_states`."""

    realm: str
    client_id: str
    now: float


@value
class ListUpcoming(Command["list[tuple[LoginKey, float]]"]):
    """List the logins that come due next; see `traktauth.stores.fleet.FleetStore.upcoming`."""

    realm: str
    client_id: str
    limit: int


@value
class TakeBudget(Command["tuple[int, float]"]):
    """Take from a realm's budget; see `traktauth.stores.fleet.FleetStore.take_budget`."""

    realm: str
    wanted: int
    limit: int
    period: float

    def outcome(self, granted: int, used: int, held: float, quiet: float) -> tuple[int, float]:
        """Return what may be sent, and the seconds until more may.

        Args:
            granted: what was taken.
            used: what has been taken of the budget by now.
            held: seconds until the budget is not held any more.
            quiet: seconds until the service will have begun to count anew.
        """
        if granted > 0:
            return granted, 0.0
        return 0, max(held, quiet if used >= self.limit else 0.0, 0.0) + _A_LITTLE


@value
class BlockBudget(Command[None]):
    """Let no keeper take from a realm's budget for some seconds."""

    realm: str
    seconds: float


@value
class ListLogins(Command["list[LoginKey]"]):
    """Name every login that has a row, in any order."""


PROBE_CONTENT = " " * 8192
"""What is written as a trial: more characters than a record has."""


@value
class ProbeWrite(Command[None]):
    """Write something that is not read, as the next row would be."""


if TYPE_CHECKING:

    class Database(Protocol):
        """A database that performs commands, in any thread, also after a fork.

        Every method raises `StoreFailed`, in words that name no password, where it cannot do its work.
        """

        longest_pause: float  # seconds between two looks at a lease

        @property
        def identity(self) -> Hashable: ...
        @property
        def address(self) -> str: ...
        def peek(self, login: LoginKey) -> Row | None:
            """Return a login's row if that takes microseconds; else None, as where a connection must be opened."""
            ...

        def perform(self, command: Command[T]) -> T: ...
        def durability_warnings(self) -> list[str]: ...
        def close(self) -> None: ...
