"""Mode `family`: a used refresh token kills every token of its app and person, on every device.

Measured on better-auth's oauth-provider 1.6.33 (RFC 9700 section 4.14.2 asks for it): a refresh token that has been
rotated *or revoked* and comes back ends all renewable pairs of (app, person). No secret is needed for that, as the
check runs before the app has to prove itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.rotation.base import is_used, use_up

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.grants.issue import Issued
    from traktauth.server.storage.tables import Tables


class Family:
    """A used refresh token kills its family."""

    keeps_parent = False
    tidy_seconds: float | None = None

    def admits(self, attempt: Attempt) -> bool:
        """Refuse a used token, and kill its family."""
        pair = attempt.pair
        if pair is None or not is_used(pair):
            return pair is not None
        self.replay(attempt.tables, app=pair.app, person=pair.person, epoch=pair.family_epoch)
        return False

    def again(self, attempt: Attempt) -> Issued | None:  # noqa: ARG002 - the protocol's parameter
        """Give no answer twice."""
        return None

    def turn(self, attempt: Attempt) -> bool:
        """Use the token up."""
        return use_up(attempt)

    def turned(self, attempt: Attempt, answer: Issued) -> None:
        """Remember nothing."""

    def replay(self, tables: Tables, *, app: int, person: int, epoch: int | None = None) -> None:
        """Kill the family of *app* and *person*, as it was in *epoch*."""
        tables.events.append("replays")
        if tables.pairs.kill_family(app, person, epoch=epoch):
            tables.events.append("families_killed")
