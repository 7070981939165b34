"""Why a record gives no token, or no renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.errors import LoginRequired, TryLater

if TYPE_CHECKING:
    from traktauth.errors import TraktAuthError
    from traktauth.flow.renewal import Wish
    from traktauth.flow.terms import Terms
    from traktauth.models import Record, Token


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


def next_attempt(terms: Terms, wish: Wish, record: Record, token: Token) -> int | TraktAuthError:
    """Return the number of the attempt that may be made now, or the error that says why none may.

    An open renewal tells that the refresh token was sent and nobody knows whether it arrived. If it did, sending it
    again ends every device's login, so only the `lost_reply` setting or the user allows it.
    """
    renewal = record.renewal
    if renewal is None:
        return 1
    if renewal.moving:
        return being_moved(lives=token.expires_at > terms.clock())
    if wish.resend or terms.lost_reply == "resend":
        return renewal.attempt + 1
    left = token.expires_at - terms.clock()
    if left > 0 and token.access_token == wish.refused:
        return LoginRequired(
            "Trakt refuses this login's token, and the answer to its last renewal was lost", reason="reply-lost"
        )
    if left > 0:
        return TryLater(
            "A renewal of this login was sent and its answer was lost; it is not sent again while the old token lives",
            retry_after=left,
            hint="Nothing needs doing yet; traktauth status says until when the token is good, "
            "traktauth refresh --force sends it again at your risk",
        )
    if not over(terms, token, renewal.attempt):
        return renewal.attempt + 1
    return LoginRequired(
        "The answer to this login's last renewal was lost, and its token has expired", reason="reply-lost"
    )


def over(terms: Terms, token: Token, attempt: int) -> bool:
    """Tell whether, after an attempt whose answer was lost, nothing is sent any more unless the user forces it."""
    if token.expires_at > terms.clock() or terms.lost_reply == "resend":
        return False
    return terms.lost_reply == "sign-in" or attempt > 1
