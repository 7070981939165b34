"""The token's life: a usable one, as it is or renewed once; a new one on demand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed, TryLater
from traktauth.flow.effects import BUSY, Exclusively, Load
from traktauth.flow.renewal import Wish, otherwise, renew
from traktauth.flow.standing import not_renewable, signed_out
from traktauth.flow.terms import PATIENCE
from traktauth.flow.windows import Window, window

if TYPE_CHECKING:
    from traktauth.flow.effects import Flow
    from traktauth.flow.terms import Terms
    from traktauth.models import Token


def usable_token(terms: Terms, *, refused: str | None = None, min_life: float = 0.0) -> Flow[Token]:
    """Return a token that can be used now, renewed if need be.

    Args:
        terms: the givens.
        refused: an access token that an API has just answered 401 to; it will not do.
        min_life: seconds that the token must live on.

    Raises:
        LoginRequired: the user has to sign in again.
        TryLater: Trakt cannot be reached and no token lives.
        StoreFailed: the store can't be read, or not written while no token lives.
        ValueError: tokens of this service never live as long as `min_life`.
    """
    record = yield from Load()
    token = record.token
    if token is None:
        raise signed_out(record)
    now = terms.clock()
    left = token.expires_at - now
    state = window(token, now)
    if token.access_token == refused:
        state = Window.ENDED
    elif left < min_life:
        _check_min_life(token, min_life)
        state = Window.MANDATORY if left > 0 else Window.ENDED
    if state is Window.FRESH:
        return token
    wish = Wish(seen=token.generation, refused=refused, min_life=min_life)
    problem = not_renewable(record)
    if problem is not None:
        return otherwise(terms, wish, token, problem)
    if state is not Window.ENDED and left >= min_life and terms.monotonic() < terms.rest.until:
        return token
    patience = 0.0 if state is Window.ADVISORY else PATIENCE
    return (yield from _granted(terms, wish, token, patience))


def refresh(terms: Terms, *, resend: bool = False, since: float | None = None) -> Flow[Token]:
    """Renew now, though the token is fresh.

    Args:
        terms: the givens.
        resend: send the refresh token again although an earlier sending is unconfirmed. If that one arrived, this
            ends every device's login.
        since: Unix seconds when the caller began; a pair saved after that is shared instead of renewed again.

    Raises:
        LoginRequired: the user has to sign in again.
        TryLater: Trakt cannot be reached, or an earlier sending is unconfirmed.
        StoreFailed: the store cannot be read or written.
    """
    record = yield from Load()
    token = record.token
    if token is None:
        raise signed_out(record)
    if since is not None and record.saved_at > since:
        return token
    wish = Wish(seen=token.generation, must=True, resend=resend)
    problem = not_renewable(record)
    if problem is not None:
        raise problem
    return (yield from _granted(terms, wish, token, PATIENCE))


def _granted(terms: Terms, wish: Wish, token: Token, patience: float) -> Flow[Token]:
    """Get a wish granted under the lock, or make do where the lock cannot be had."""
    try:
        outcome = yield from Exclusively(partial(renew, terms, wish), purpose=wish, patience=patience)
    except StoreFailed as error:
        if error.kept:
            raise
        return otherwise(terms, wish, token, error)
    if outcome is not BUSY:
        return outcome
    # Our patience is over; what we waited for may have come in the last moment.
    try:
        record = yield from Load()
    except StoreFailed as error:
        return otherwise(terms, wish, token, error)
    if record.token is None:
        raise signed_out(record)
    if record.generation > wish.seen:
        return record.token
    return otherwise(terms, wish, token, TryLater("Somebody else is still renewing this login", retry_after=1.0))


def _check_min_life(token: Token, min_life: float) -> None:
    if min_life > token.expires_in:
        raise ValueError(
            f"No token of this service lives {min_life:.0f} s; a new one lives {token.expires_in} s. Ask for less"
        )
