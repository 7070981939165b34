"""Why a record gives no token, or no renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.errors import LoginRequired

if TYPE_CHECKING:
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
