"""What follows if a refresh token is used again, in the rotation modes that keep no response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.oauth.rotation.protocol import ROTATED

if TYPE_CHECKING:
    from traktauth.server.storage.models import TokenPair
    from traktauth.server.storage.repositories import Repositories
    from traktauth.server.tokens import IssuedTokens


class SingleUse:
    """Mode `once`: a refresh token works once; a replay is refused and counted.

    Doorkeeper without `previous_refresh_token`.
    """

    keeps_parent = False
    purge_seconds: float | None = None

    def accepts(self, db: Repositories, pair: TokenPair, *, now: float) -> bool:  # noqa: ARG002 - the protocol's
        """Refuse a used token, and handle the replay."""
        if pair.refresh_ended is None:
            return True
        self.on_reuse(db, client=pair.client, user=pair.user_id, epoch=pair.family_epoch)
        return False

    def cached_response(self, pair: TokenPair, token: str, *, now: float) -> IssuedTokens | None:  # noqa: ARG002 - as above
        """Return no response twice."""
        return None

    def use_up(self, db: Repositories, pair: TokenPair, *, access_outlives: bool) -> bool:
        """End the refresh token by compare-and-swap, and its access token unless that outlives it."""
        if not db.tokens.end_refresh(pair.id, ROTATED):
            return False
        if not access_outlives:
            db.tokens.end_access(pair.id, ROTATED)
        return True

    def after_issue(self, db: Repositories, pair: TokenPair, token: str, issued: IssuedTokens, *, now: float) -> None:
        """Keep nothing."""

    def on_reuse(self, db: Repositories, *, client: int, user: int, epoch: int | None = None) -> None:  # noqa: ARG002 - as above
        """Count the replay."""
        db.events.append("replays")


class RevokeFamily(SingleUse):
    """Mode `family`: a replay revokes every token of its client and user, on every device.

    Measured on better-auth's oauth-provider 1.6.33 (RFC 9700 section 4.14.2 asks for it): a refresh token that has been
    rotated *or revoked* and is sent again ends all refreshable pairs of (client, user). That needs no secret, as the
    check runs before the client is authenticated.
    """

    def on_reuse(self, db: Repositories, *, client: int, user: int, epoch: int | None = None) -> None:
        """Revoke the family of *client* and *user*, as it was in *epoch*."""
        db.events.append("replays")
        if db.tokens.kill_family(client, user, epoch=epoch):
            db.events.append("families_killed")


class UntilUsed(SingleUse):
    """Mode `until-used`: a refresh token works until its successor's access token is used.

    Measured on Doorkeeper 5.6.6 with `previous_refresh_token`: ten concurrent refreshes get ten pairs; the first use of
    any new access token ends the pair that it came from.
    """

    keeps_parent = True

    def use_up(self, db: Repositories, pair: TokenPair, *, access_outlives: bool) -> bool:  # noqa: ARG002 - the protocol's
        """Leave the token as it is."""
        return True


def end_parent(db: Repositories, pair: TokenPair, *, access_outlives: bool) -> None:
    """End the pair that *pair* was issued for, as its own access token is used."""
    if pair.parent is None:
        return
    db.tokens.end_refresh(pair.parent, ROTATED)
    if not access_outlives:
        db.tokens.end_access(pair.parent, ROTATED)
    db.tokens.clear_parent(pair.id)
