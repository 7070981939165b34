"""What a keeper tells: to a callback, and as lines of a log. No event holds a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.models import Login


@dataclass(frozen=True, slots=True)
class Renewed:
    """A login has a new pair; told each time."""

    login: Login
    fingerprint: str
    generation: int


@dataclass(frozen=True, slots=True)
class Delayed:
    """A login could not be renewed now, and nothing was spent; it is tried again at `until` (Unix seconds)."""

    login: Login
    why: str
    until: float


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A new pair could not be saved, and the one before is spent: this process holds it, so do not kill it.

    It is saved, and `Renewed` told, when the store is well again.
    """

    login: Login
    why: str


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A renewal's answer was lost; the old token is good until `good_until` (Unix seconds). Told once."""

    login: Login
    why: str
    good_until: float


@dataclass(frozen=True, slots=True)
class Dying:
    """A login cannot be renewed any more; its token is good until `good_until` (Unix seconds). Told once.

    Now is the time to ask the user to sign in again.
    """

    login: Login
    why: str
    good_until: float


@dataclass(frozen=True, slots=True)
class Dead:
    """A login cannot be renewed, and its token has ended. Told once."""

    login: Login
    why: str


@dataclass(frozen=True, slots=True)
class Outage:
    """The service fails; nothing but a harmless question is sent until it answers."""

    why: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """The service answers again; renewals begin slowly."""

    after: float  # seconds


@dataclass(frozen=True, slots=True)
class Stalled:
    """The store cannot do its work; the keeper asks it again every few seconds. Told once, until it works again."""

    why: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The store does its work again."""

    after: float  # seconds


Event = Renewed | Delayed | Unsaved | Unconfirmed | Dying | Dead | Outage | Recovered | Stalled | Resumed
