"""What happens to a used refresh token, by the modes of `--rotation`."""

from __future__ import annotations

import json
from collections.abc import Callable

from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import TokenPair
from traktauth.server.tokens import IssuedTokens

ROTATED = "rotated"
REVOKED = "revoked"


class SingleUse:
    """Mode `once`: a refresh token works once; a replay is refused and counted.

    Doorkeeper without `previous_refresh_token`. The base of the other modes.

    Attributes:
        keeps_parent: whether a new pair remembers its predecessor until its access token is used.
    """

    keeps_parent = False

    def accepts(self, db: Repositories, pair: TokenPair, *, now: float) -> bool:  # noqa: ARG002 - `Grace` uses it
        """Return whether a refresh token may be used; if not, handle the replay."""
        if pair.refresh_ended is None:
            return True
        self.on_reuse(db, pair, client=pair.client)
        return False

    def cached_response(self, pair: TokenPair, *, now: float) -> IssuedTokens | None:  # noqa: ARG002 - as above
        """Return the response that the first use of the token got, if it is repeated."""
        return None

    def use_up(self, db: Repositories, pair: TokenPair, *, access_outlives: bool) -> None:
        """End the refresh token, and its access token unless that outlives it."""
        db.tokens.end_refresh(pair.id, ROTATED)
        if not access_outlives:
            db.tokens.end_access(pair.id, ROTATED)

    def after_issue(self, db: Repositories, pair: TokenPair, issued: IssuedTokens, *, now: float) -> None:
        """Handle the successor that was issued for *pair*."""

    def on_reuse(self, db: Repositories, pair: TokenPair, *, client: int) -> None:  # noqa: ARG002 - as above
        """Count the replay of the pair's used refresh token, which *client* sent."""
        db.events.append("replays")
        db.replayed = pair


class RevokeFamily(SingleUse):
    """Mode `family`: a replay revokes every token of its client and user, on every device.

    Measured on better-auth's oauth-provider 1.6.33 (RFC 9700 section 4.14.2 asks for it): a refresh token that has been
    rotated *or revoked* and is sent again ends all refreshable pairs of (client, user). That needs no secret, as the
    check runs before the client is authenticated.
    """

    def on_reuse(self, db: Repositories, pair: TokenPair, *, client: int) -> None:
        """Count the replay and revoke the family of *client* and the pair's user."""
        super().on_reuse(db, pair, client=client)
        if db.tokens.revoke_family(client, pair.user_id):
            db.events.append("families_killed")


class UntilUsed(SingleUse):
    """Mode `until-used`: a refresh token works until its successor's access token is used.

    Measured on Doorkeeper 5.6.6 with `previous_refresh_token`: ten concurrent refreshes get ten pairs; the first use of
    any new access token ends the pair that it came from.
    """

    keeps_parent = True

    def use_up(self, db: Repositories, pair: TokenPair, *, access_outlives: bool) -> None:
        """Leave the token as it is."""


class Grace(SingleUse):
    """Mode `grace:SECONDS`: for that long a used refresh token gets the same response again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def accepts(self, db: Repositories, pair: TokenPair, *, now: float) -> bool:
        """Refuse a used token unless its response is cached."""
        return self.cached_response(pair, now=now) is not None or super().accepts(db, pair, now=now)

    def cached_response(self, pair: TokenPair, *, now: float) -> IssuedTokens | None:
        """Return the cached response."""
        if pair.refresh_ended != ROTATED or pair.cached_response is None or now >= (pair.cached_until or 0):
            return None
        return IssuedTokens(*json.loads(pair.cached_response))

    def after_issue(self, db: Repositories, pair: TokenPair, issued: IssuedTokens, *, now: float) -> None:
        """Cache the response."""
        db.tokens.cache_response(pair.id, json.dumps(issued), now=now, until=now + self._seconds)


Rotation = SingleUse
"""Any mode."""
MODES: dict[str, Callable[[], Rotation]] = {"family": RevokeFamily, "once": SingleUse, "until-used": UntilUsed}


def make_rotation(name: str, grace_seconds: float | None = None) -> Rotation:
    """Return the rotation mode of a name; *grace_seconds* are those in `grace:SECONDS`."""
    return MODES[name]() if grace_seconds is None else Grace(grace_seconds)


def end_parent(db: Repositories, pair: TokenPair, *, access_outlives: bool) -> None:
    """End the pair that *pair* was issued for, as its own access token is used."""
    if pair.parent is None:
        return
    db.tokens.end_refresh(pair.parent, ROTATED)
    if not access_outlives:
        db.tokens.end_access(pair.parent, ROTATED)
    db.tokens.update(pair.id, parent=None)
