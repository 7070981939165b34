"""The promise of a rotation mode, and what modes have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.grants.issue import Issued
    from traktauth.server.storage.records import Pair
    from traktauth.server.storage.tables import Tables

ROTATED = "rotated"
REVOKED = "revoked"


class Rotation(Protocol):
    """What becomes of a used refresh token."""

    keeps_parent: bool
    """Whether a new pair remembers the one it came from until its access token is used."""

    tidy_seconds: float | None
    """How often kept answers whose time is over are dropped; None where none are kept."""

    def admits(self, attempt: Attempt) -> bool:
        """Whether the presented refresh token (`attempt.pair`) is good; if not, does to others what must be."""
        ...

    def again(self, attempt: Attempt) -> Issued | None:
        """Give the same answer as before, where this mode does; None to issue a new pair."""
        ...

    def turn(self, attempt: Attempt) -> bool:
        """Use the presented refresh token up; False where someone else has been faster."""
        ...

    def turned(self, attempt: Attempt, answer: Issued) -> None:
        """Hear what was issued for the token that was used up."""
        ...

    def replay(self, tables: Tables, *, app: int, person: int, epoch: int | None = None) -> None:
        """Hear that *app* presented a used refresh token of *person*, in its own family's *epoch*."""
        ...


def is_used(pair: Pair) -> bool:
    """Whether a refresh token has been rotated or revoked."""
    return pair.refresh_ended is not None


def use_up(attempt: Attempt) -> bool:
    """End the presented refresh token by compare-and-swap, and its access token where that does not outlive it."""
    pair = attempt.pair
    if pair is None or not attempt.tables.pairs.end_refresh(pair.id, ROTATED):
        return False
    if not attempt.terms.access_outlives:
        attempt.tables.pairs.end_access(pair.id, ROTATED)
    return True
