"""The protocol of a rotation mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from traktauth.server.storage.models import TokenPair
    from traktauth.server.storage.repositories import Repositories
    from traktauth.server.tokens import IssuedTokens

ROTATED = "rotated"
REVOKED = "revoked"


class Rotation(Protocol):
    """What happens to a used refresh token."""

    keeps_parent: bool
    """Whether a new pair remembers its predecessor until its access token is used."""

    purge_seconds: float | None
    """How often expired cached responses are deleted; None if none are cached."""

    def accepts(self, db: Repositories, pair: TokenPair, *, now: float) -> bool:
        """Return whether a refresh token may be used; if not, revoke what its replay revokes."""
        ...

    def cached_response(self, pair: TokenPair, token: str, *, now: float) -> IssuedTokens | None:
        """Return the response that the first use of *token* got, if this mode repeats it."""
        ...

    def use_up(self, db: Repositories, pair: TokenPair, *, access_outlives: bool) -> bool:
        """Use the refresh token up; return whether no other request has."""
        ...

    def after_issue(self, db: Repositories, pair: TokenPair, token: str, issued: IssuedTokens, *, now: float) -> None:
        """Handle the successor that was issued for *token*."""
        ...

    def on_reuse(self, db: Repositories, *, client: int, user: int, epoch: int | None = None) -> None:
        """Handle a used refresh token of *user* that *client* sent; *epoch*: its own family's."""
        ...
