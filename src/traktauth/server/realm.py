"""Everything that answers requests together: one object that each address is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from traktauth.server.attempt import Attempt
from traktauth.server.buckets import Buckets
from traktauth.server.clock import Clock
from traktauth.server.faults import Faults
from traktauth.server.ledger import Ledger
from traktauth.server.rotation import rotation_named
from traktauth.server.terms import Terms
from traktauth.server.throttle import Throttle
from traktauth.server.timeline import Timeline

if TYPE_CHECKING:
    from traktauth.server.attempt import Spoken
    from traktauth.server.profiles.base import Profile
    from traktauth.server.settings import Settings
    from traktauth.server.storage.base import Storage
    from traktauth.server.storage.tables import Tables


@dataclass(frozen=True)
class Realm:
    """One local Trakt.

    Attributes:
        settings: how it was started.
        profile: the era it plays.
        terms: the numbers and modes in force.
        storage: where everything rests.
        key: what forms are signed with.
        clock: the time it goes by.
        ledger: what has happened.
        faults: what is to go wrong.
        timeline: the last requests, where the control API is served.
        passwords: failed sign-ins, by user and address.
        user_codes: user codes that did not exist, by address.
        proofs: wrong proofs of an app, by address; counted under `strict` alone.
        buckets: requests by what limits them; counted under `rate_limits` alone.
    """

    settings: Settings
    profile: Profile
    terms: Terms
    storage: Storage
    key: bytes
    clock: Clock = field(default_factory=Clock)
    ledger: Ledger = field(default_factory=Ledger)
    faults: Faults = field(default_factory=Faults)
    timeline: Timeline = field(default_factory=lambda: Timeline(kept=False))
    passwords: Throttle = field(default_factory=lambda: Throttle(5, 60))
    user_codes: Throttle = field(default_factory=lambda: Throttle(10, 60))
    proofs: Throttle = field(default_factory=lambda: Throttle(20, 60))
    buckets: Buckets = field(default_factory=Buckets)

    def attempt(self, said: Spoken, tables: Tables) -> Attempt:
        """Begin to check a request."""
        return Attempt(said, tables, self.terms, self.clock())


def terms_of(settings: Settings, profile: Profile, issuer: str) -> Terms:
    """Put together a profile's numbers and what overrides them."""
    lives = profile.lives
    overridden = lives._replace(
        access=settings.access_life or lives.access,
        refresh=settings.refresh_life or lives.refresh,
        code=settings.code_life or lives.code,
    )
    return Terms(
        lives=overridden,
        scopes=profile.scopes,
        default_scope=profile.default_scope,
        rotation=rotation_named(settings.rotation or profile.rotation),
        access_outlives=profile.access_outlives,
        interval=profile.interval,
        issuer=issuer,
        strict=settings.strict,
    )
