"""Events that a keeper reports to a callback and to its log, and the counts of a run. None of them holds a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from traktauth.models import LoginKey


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A login has a new token. Reported each time."""

    kind: ClassVar[str] = "renewed"

    login: LoginKey
    fingerprint: str
    generation: int


@dataclass(frozen=True, slots=True)
class Delayed:
    """A login could not be refreshed now, and nothing was spent; it is tried again at `until` (Unix seconds)."""

    kind: ClassVar[str] = "delayed"

    login: LoginKey
    why: str
    until: float


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A new token could not be saved, and the old refresh token is used up: only this process holds the new one.

    Do not kill the process. `Refreshed` is reported when the store works again and the token is saved.
    """

    kind: ClassVar[str] = "unsaved"

    login: LoginKey
    why: str


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The response to a refresh was lost; the old token is valid until `good_until` (Unix seconds). Reported once."""

    kind: ClassVar[str] = "unconfirmed"

    login: LoginKey
    why: str
    good_until: float


@dataclass(frozen=True, slots=True)
class Expiring:
    """A login can no longer be refreshed; its token is valid until `good_until` (Unix seconds). Reported once.

    Now is the time to ask the user to sign in again.
    """

    kind: ClassVar[str] = "dying"

    login: LoginKey
    why: str
    good_until: float


@dataclass(frozen=True, slots=True)
class Expired:
    """A login can no longer be refreshed, and its token has expired. Reported once."""

    kind: ClassVar[str] = "dead"

    login: LoginKey
    why: str


@dataclass(frozen=True, slots=True)
class Outage:
    """The service fails; until it works again only probes are sent, which spend nothing."""

    kind: ClassVar[str] = "outage"

    why: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """The service works again after `after` seconds; refreshes start slowly."""

    kind: ClassVar[str] = "recovered"

    after: float


@dataclass(frozen=True, slots=True)
class Stalled:
    """The store fails; the keeper tries again every few seconds. Reported once."""

    kind: ClassVar[str] = "stalled"

    why: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The store works again after `after` seconds."""

    kind: ClassVar[str] = "resumed"

    after: float


Event = Refreshed | Delayed | Unsaved | Unconfirmed | Expiring | Expired | Outage | Recovered | Stalled | Resumed


@dataclass(slots=True)
class Summary:
    """Counts since a keeper was started.

    Attributes:
        refreshed: logins with a new token.
        delayed: attempts that spent nothing and are repeated.
        unconfirmed: refreshes whose response was lost.
        expiring: logins that can no longer be refreshed and whose token is still valid.
        expired: logins that can no longer be refreshed and whose token has expired.
        skipped: logins that another program was refreshing, or that were signed out or moved meanwhile.
        unsaved: logins whose new token is held in memory because the store failed.
    """

    refreshed: int = 0
    delayed: int = 0
    unconfirmed: int = 0
    expiring: int = 0
    expired: int = 0
    skipped: int = 0
    unsaved: int = 0

    @property
    def tried(self) -> int:
        """Return how many logins were worked on."""
        return sum(self.to_json().values())

    def to_json(self) -> dict[str, int]:
        """Return the counts by the names that `traktauth keep --json` prints."""
        return {
            Refreshed.kind: self.refreshed,
            Delayed.kind: self.delayed,
            Unconfirmed.kind: self.unconfirmed,
            Expiring.kind: self.expiring,
            Expired.kind: self.expired,
            "passed": self.skipped,
            Unsaved.kind: self.unsaved,
        }
