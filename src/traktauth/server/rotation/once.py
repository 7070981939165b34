"""Mode `once`: a used refresh token is refused, and that is all (Doorkeeper without `previous_refresh_token`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.rotation.base import is_used, use_up

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.grants.issue import Issued
    from traktauth.server.storage.tables import Tables


class Once:
    """A refresh token works once."""

    keeps_parent = False
    tidy_seconds: float | None = None

    def admits(self, attempt: Attempt) -> bool:
        """Refuse a used token, and hear of the replay."""
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

    def replay(self, tables: Tables, *, app: int, person: int, epoch: int | None = None) -> None:  # noqa: ARG002 - nobody is harmed
        """Count it."""
        tables.events.append("replays")
