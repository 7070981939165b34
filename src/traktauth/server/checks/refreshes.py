"""Is it a refresh token that this app may use, here and now?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.finding import pair_of_refresh

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt


def found(attempt: Attempt) -> bool:
    """Hold where the refresh token exists, used or not; finds its pair and inherits its scopes."""
    attempt.pair = pair_of_refresh(attempt.tables, attempt.given("refresh_token"))
    if attempt.pair is None:
        return False
    attempt.scope = attempt.pair.scope
    return True


def of_named_app(attempt: Attempt) -> bool:
    """Hold where the token was issued to the app that is named; finds the app."""
    attempt.app = attempt.tables.apps.named(attempt.said.client_id)
    return attempt.app is not None and attempt.pair is not None and attempt.pair.app == attempt.app.id


def of_proven_app(attempt: Attempt) -> bool:
    """Hold where the token was issued to the app that has proven itself."""
    return attempt.app is not None and attempt.pair is not None and attempt.pair.app == attempt.app.id


def not_expired(attempt: Attempt) -> bool:
    """Hold where the token has time left, or does not expire at all."""
    pair = attempt.pair
    return pair is not None and (pair.refresh_expires is None or pair.refresh_expires > attempt.now)


def admitted(attempt: Attempt) -> bool:
    """Hold where the token has not been used, or the server's rotation lets it pass; the rotation does the rest."""
    return attempt.terms.rotation.admits(attempt)


def scope_within(attempt: Attempt) -> bool:
    """Hold where no more scopes are asked for than the token has (RFC 6749 section 6); what is asked for is taken."""
    asked = attempt.said.parameters.get("scope")
    if asked is None:
        return True
    has = attempt.scope.split()
    for word in asked.split(" "):
        attempt.detail = word
        if word not in has:
            return False
    attempt.scope = asked
    return True


def scope_within_unless_blank(attempt: Attempt) -> bool:
    """Hold where no more scopes are asked for than the token has; blanks ask for none."""
    return not attempt.given("scope").strip() or scope_within(attempt)


def user_exists(attempt: Attempt) -> bool:
    """Hold where the token's user has not been deleted."""
    return attempt.pair is not None and attempt.pair.user is not None
