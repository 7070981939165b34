"""Issue a pair of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.strings import fresh, two_fresh

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt


class Issued(NamedTuple):
    """What a client is given; the only place where tokens stand in the clear. Times in seconds."""

    access_token: str
    refresh_token: str | None
    expires_in: int
    created_at: int
    scope: str
    id_token: str | None = None

    def __repr__(self) -> str:
        return f"Issued(scope={self.scope!r}, expires_in={self.expires_in})"


class Holder(NamedTuple):
    """For whom a pair is issued. A *person* of 0 is nobody: the app itself.

    Attributes:
        family: the family's number and epoch where they are known, None to look them up.
        parent: the pair that it comes from, kept until it is first used.
    """

    app: int
    person: int
    session: int | None
    scope: str
    renewable: bool
    family: tuple[int, int] | None = None
    parent: int | None = None


def issue(attempt: Attempt, holder: Holder) -> tuple[int, Issued]:
    """Make a pair, keep its hashes; give its row's number and what the client gets."""
    tables, lives, now = attempt.tables, attempt.terms.lives, attempt.now
    access, refresh = two_fresh() if holder.renewable else (fresh(), None)
    life = lives.access
    family, epoch = holder.family or tables.pairs.family(holder.app, holder.person, renewable=holder.renewable)
    row = tables.pairs.add((
        family, epoch, holder.app, holder.person, holder.session, holder.scope, now,
        access.hash, life, now + life,
        refresh and refresh.hash, now + lives.refresh if refresh and lives.refresh else None, holder.parent,
    ))  # fmt: skip
    token = refresh.carried(row) if refresh else None
    return row, Issued(access.carried(row), token, life, int(now), holder.scope)
