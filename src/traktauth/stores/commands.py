"""What a store asks its database to do. Each database says in one place how; blocking and async drivers share that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from traktauth.models import Login

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Protocol

    from traktauth.stores.rows import Row

T = TypeVar("T")

_A_LITTLE = 0.001  # seconds: the silence must have been longer than the period


class Command(Generic[T]):
    """One thing to be done in a database, whole or not at all; its answer is a *T*."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Read(Command["Row | None"]):
    """Read a login's row."""

    login: Login


@dataclass(frozen=True, slots=True)
class Swap(Command[bool]):
    """Put a row in the place of the one of this revision (None: of none); False where another is there by now."""

    login: Login
    seen: int | None
    row: Row


@dataclass(frozen=True, slots=True)
class ReadMany(Command["dict[Login, Row]"]):
    """Read the rows of many logins; those without one are left out."""

    logins: tuple[Login, ...]


@dataclass(frozen=True, slots=True)
class SwapMany(Command[set[Login]]):
    """Do many swaps, each for itself, of one login each; the answer names those that were done."""

    swaps: tuple[Swap, ...]


@dataclass(frozen=True, slots=True)
class Take(Command[bool]):
    """Take a login's lease for some seconds, by the database's clock; False where somebody else has it."""

    login: Login
    owner: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Release(Command[None]):
    """Give a lease back, if this owner still has it."""

    login: Login
    owner: str


@dataclass(frozen=True, slots=True)
class ReleaseMany(Command[None]):
    """Give many leases back."""

    logins: tuple[Login, ...]
    owner: str


@dataclass(frozen=True, slots=True)
class Claim(Command["list[tuple[Login, Row]]"]):
    """Take the leases of the next logins due; see `traktauth.stores.fleet.FleetStore.claim`."""

    realm: str
    client_id: str
    before: float
    now: float
    limit: int
    seconds: float
    owner: str


@dataclass(frozen=True, slots=True)
class CountDue(Command[int]):
    """Count the logins that come due until a time."""

    realm: str
    client_id: str
    before: float


@dataclass(frozen=True, slots=True)
class Spend(Command["tuple[int, float]"]):
    """Take from a realm's budget; see `traktauth.stores.fleet.FleetStore.take`."""

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


@dataclass(frozen=True, slots=True)
class Hold(Command[None]):
    """Let nobody take from a realm's budget for some seconds."""

    realm: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Names(Command["list[Login]"]):
    """Name every login that has a row, in any order."""


@dataclass(frozen=True, slots=True)
class Try(Command[None]):
    """Write something that nobody reads, as the next row would be."""


if TYPE_CHECKING:

    class Database(Protocol):
        """A database that performs commands, in any thread, also after a fork.

        Every method raises `StoreFailed`, in words that name no password, where it cannot do its work.
        """

        longest_pause: float  # seconds between two looks at a lease
        quick: bool  # whether reading takes microseconds

        @property
        def identity(self) -> Hashable: ...
        @property
        def address(self) -> str: ...
        def perform(self, command: Command[T]) -> T: ...
        def problems(self) -> list[str]: ...
        def close(self) -> None: ...

    class AsyncDatabase(Protocol):
        """The same, awaited, for one event loop."""

        longest_pause: float

        @property
        def quick(self) -> Database | None:
            """Return a blocking way to the same place where reading takes microseconds."""
            ...

        @property
        def identity(self) -> Hashable: ...
        @property
        def address(self) -> str: ...
        async def perform(self, command: Command[T]) -> T: ...
        async def problems(self) -> list[str]: ...
        async def close(self) -> None: ...
