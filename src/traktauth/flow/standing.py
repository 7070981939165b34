"""Why a record gives no token, or no renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.errors import LoginRequired, TryLater

if TYPE_CHECKING:
    from traktauth.errors import TraktAuthError
    from traktauth.models import Record


def signed_out(record: Record) -> LoginRequired:
    """Return the error for a login without a token."""
    if record.moved:
        return LoginRequired(
            f"This login was moved to {record.moved}",
            reason="moved",
            hint=f"Use that store: --store {record.moved}, or TRAKTAUTH_STORE",
        )
    if record.generation:
        return LoginRequired("This account is signed out", reason="signed-out")
    return LoginRequired("Nobody is signed in to this account", reason="never")


def not_renewable(record: Record) -> LoginRequired | None:
    """Return why this login cannot be renewed, or None if it can."""
    if not record.renewable:
        return LoginRequired(f"This login cannot be renewed: {record.why_not}", reason="revoked")
    if record.token is not None and record.token.refresh_token is None:
        return LoginRequired("This login cannot be renewed: Trakt gave no refresh token", reason="expired")
    return None


def being_moved(*, lives: bool) -> TraktAuthError:
    """Return why nobody renews here meanwhile: the other store may have the pair by now, and then renews it.

    Args:
        lives: whether the access token does.
    """
    message = "This login is being moved to another store"
    if lives:
        return TryLater(message, retry_after=1.0, hint="Where that was cut off, finish it: traktauth store move")
    return LoginRequired(message, reason="moved", hint="Finish it, then use that store: traktauth store move FROM TO")
