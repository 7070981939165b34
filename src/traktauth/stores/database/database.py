"""What a store needs of a database; each method is done whole or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable

from traktauth.models import LoginKey
from traktauth.stores.database.row import Row
from traktauth.stores.fleet import LoginCounts, LoginStates

PROBE_CONTENT = " " * 8192
"""What is written as a trial: more characters than a record has."""

_A_LITTLE = 0.001  # seconds: the silence must have been longer than the period


class Database(ABC):
    """A database of rows, for use in any thread, also after a fork.

    Every method raises `StoreFailed`, in words that name no password, if it cannot do its work.

    Attributes:
        longest_pause: seconds between two looks at a lease.
        identity: equal for two objects over the same place.
        address: of the place, without passwords.
    """

    longest_pause: float
    identity: Hashable
    address: str

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
    def list_logins(self) -> list[LoginKey]:
        """Return every login that has a row, in any order."""

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

    # ------------------------------------------------------------ for a keeper, as `FleetStore` says
    @abstractmethod
    def claim_due(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, seconds: float, owner: str
    ) -> list[tuple[LoginKey, Row]]:
        """Take the leases of the next logins due; return each with its row."""

    @abstractmethod
    def count_logins(self, realm: str, client_id: str, *, now: float) -> LoginCounts:
        """Count an app's logins."""

    @abstractmethod
    def count_states(self, realm: str, client_id: str, *, now: float) -> LoginStates:
        """Count an app's logins by state."""

    @abstractmethod
    def upcoming(self, realm: str, client_id: str, *, limit: int) -> list[tuple[LoginKey, float]]:
        """Return the logins that come due next, each with its due time in Unix seconds."""

    @abstractmethod
    def take_budget(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        """Take from a realm's budget; return what may be sent, and the seconds until more may."""

    @abstractmethod
    def block_budget(self, realm: str, seconds: float) -> None:
        """Let no keeper take from a realm's budget for some seconds."""

    @abstractmethod
    def durability_warnings(self) -> list[str]:
        """Return what about this place may lose a login, each with the setting that fixes it."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections that no thread uses."""


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
