"""How long the keeper leaves a login alone after a refresh that failed."""

from __future__ import annotations

from traktauth.errors import TraktAuthError, TryLater
from traktauth.models import LoginKey, Token
from traktauth.models.keeper_due_time import due_at

# Seconds.
MIN_DELAY = 30.0
MAX_DELAY = 3600.0


def delay_after(error: TraktAuthError, login: LoginKey, token: Token | None, *, now: float) -> float:
    """Return the seconds to the next attempt.

    If Trakt itself refused, the delay grows with how overdue the login is, capped at a quarter of the remaining
    lifetime of its token. If Trakt was not reached, the circuit breaker limits the rate, and this login is not to
    blame.

    Args:
        error: what the attempt raised.
        login: whose refresh failed.
        token: its token.
        now: Unix seconds.
    """
    asked = error.retry_after if isinstance(error, TryLater) else 0.0
    was_reached = not isinstance(error, TryLater) or error.status is not None
    backoff = 0.0
    if token is not None and was_reached:
        backoff = min(now - due_at(login, token), max(0.0, token.expires_at - now) / 4)
    return min(max(asked, backoff, MIN_DELAY), MAX_DELAY)
