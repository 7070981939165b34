"""A token that can be used: the stored one, or a new one if that is due for a refresh."""

from __future__ import annotations

from traktauth.flow.common import load_token
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Flow, Load, LogMessage
from traktauth.flow.refresh import refresh_due
from traktauth.models import Token
from traktauth.models.refresh_window import RefreshWindow, refresh_window

# Seconds after the rejection of one token in which the rejection of the next one shows that a refresh does not help.
_REJECTED_AGAIN_WITHIN = 300.0


def get_token(context: FlowContext, *, rejected: str | None = None, min_life: float = 0.0) -> Flow[Token]:
    """Return a token that can be used now, refreshed if necessary.

    Args:
        context: the context.
        rejected: an access token that an API has just answered 401 to; another one is returned.
        min_life: seconds for which the token must stay valid.

    Raises:
        LoginRequired: the user has to sign in again.
        TryLater: Trakt cannot be reached and no token is valid.
        StoreFailed: the store cannot be read, or not written while no token is valid.
        ValueError: tokens of this service are never valid for `min_life`.
    """
    record, token = yield from load_token()
    now = context.clock()
    left = token.expires_at - now
    state = refresh_window(token, now)
    if token.access_token == rejected or record.rejected_at is not None:
        rejected, state = token.access_token, RefreshWindow.EXPIRED
    elif left < min_life:
        _check_min_life(token, min_life)
        state = RefreshWindow.MANDATORY if left > 0 else RefreshWindow.EXPIRED
    if state is RefreshWindow.FRESH:
        return token
    return (yield from refresh_due(context, record, token, state, rejected=rejected, min_life=min_life))


def get_token_after_rejection(context: FlowContext, *, rejected: str, min_life: float = 0.0) -> Flow[Token]:
    """Return another token after a 401 from the API; the rejected one if a refresh has just not helped.

    While the API answers every token with 401, each call of each program would refresh. So a token that a rejected one
    was refreshed to is not refreshed because of a 401 for some minutes.

    Args:
        context: the context.
        rejected: the access token that the API has just answered 401 to.
        min_life: seconds for which the token must stay valid.

    Raises:
        LoginRequired: the user has to sign in again.
        TryLater: Trakt cannot be reached, and no token is valid.
        StoreFailed: the store cannot be read or written.
    """
    record = yield from Load()
    token, at = record.token, record.replaced_rejected_at
    if token is not None and token.access_token == rejected and record.rejected_at is None and at is not None:
        since = context.clock() - at
        if 0 <= since < _REJECTED_AGAIN_WITHIN:
            yield from LogMessage(
                f"{token.fingerprint} is not refreshed: the API also rejected the one before it",
                event="refresh-skipped",
                reason="rejected-again",
                generation=token.generation,
                debug=True,
            )
            return token
    return (yield from get_token(context, rejected=rejected, min_life=min_life))


def _check_min_life(token: Token, min_life: float) -> None:
    if min_life > token.expires_in:
        raise ValueError(
            f"No token of this service is valid for {min_life:.0f} s; a new one is valid for {token.expires_in} s. "
            "Ask for less"
        )
