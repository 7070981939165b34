"""What a store keeps of one login."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.models.token import Token

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Login:
    """The key of a login: whose tokens these are, for which app, where.

    Attributes:
        realm: the service's realm (`trakt`, `staging`, or a base address's origin).
        client_id: the app's id.
        account: the user's own name for the account.
    """

    realm: str
    client_id: str
    account: str

    def __lt__(self, other: Login) -> bool:
        mine, theirs = (self.realm, self.client_id, self.account), (other.realm, other.client_id, other.account)
        return mine < theirs


MOVER = "store move to "  # begins the name of who moves a login


@dataclass(frozen=True, slots=True)
class Renewal:
    """A refresh that was begun: its token may be spent, and no answer has been saved.

    Attributes:
        generation: of the token that was sent.
        attempt: 1 for the first sending, one more for each that `lost_reply` or `refresh --force` allowed.
        at: Unix seconds, by the clock of the sender.
        by: who sends: host and process; or who moves the login to another store, so that nobody sends meanwhile.
    """

    generation: int
    attempt: int
    at: float
    by: str

    @property
    def moving(self) -> bool:
        """Whether it was opened so that nobody sends while the login is moved to another store."""
        return self.by.startswith(MOVER)

    @property
    def moving_to(self) -> str:
        """Return the address of the store that the login is being moved to, empty where it is not."""
        return self.by.removeprefix(MOVER).rpartition(", ")[0] if self.moving else ""


def mover(to: str, host: str) -> str:
    """Return the name of who moves a login: where to, and from which host and process."""
    return f"{MOVER}{to}, {host}"


@dataclass(frozen=True, slots=True)
class Trace:
    """One generation in a login's trail, so that *why was I logged out?* has an answer.

    Attributes:
        generation: which pair.
        fingerprint: of its access token.
        at: Unix seconds when it was saved, by the clock of whoever did.
        by: who renewed to it: host and process; empty for a sign-in.
        ended: what became of it, in words; None while nothing has.
    """

    generation: int
    fingerprint: str
    at: float
    by: str
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """All that is kept of one login.

    Attributes:
        generation: of the newest pair; it only grows, also over a sign-out and a new sign-in.
        token: the pair, or None before a sign-in and after a sign-out.
        renewable: whether the refresh token may be used.
        why_not: why it may not, in words for a person.
        renewal: the open renewal, or None.
        saved_at: Unix seconds when the pair was saved, by the clock of whoever did.
        moved: the address of the store that the login was moved to; this one keeps no pair then.
        trail: the last generations, oldest first.
    """

    generation: int = 0
    token: Token | None = None
    renewable: bool = True
    why_not: str | None = None
    renewal: Renewal | None = None
    saved_at: float = 0.0
    moved: str | None = None
    trail: tuple[Trace, ...] = field(default=(), compare=False)  # history, not state


EMPTY = Record()
