"""One renewal, under the lock: may it be sent, what came of it, what is kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater, UnexpectedReply
from traktauth.flow.effects import Begin, Cancel, Keep, Load, Mark, NoReply, Note, Save, Send, Shielded, Sleep
from traktauth.flow.standing import next_attempt, not_renewable, over, signed_out
from traktauth.flow.terms import LEASE, REQUEST_LIMIT, SAVE_LIMIT
from traktauth.flow.windows import Window, window
from traktauth.wire.faults import dead_grant, fault, not_spent
from traktauth.wire.tokens import exchange_refresh_token, read_token

if TYPE_CHECKING:
    from traktauth.flow.effects import Effect, Flow
    from traktauth.flow.terms import Terms
    from traktauth.models import Record, Token
    from traktauth.wire.messages import Reply

OK = 200
_SAVE_AGAIN = 0.25
_LONGEST_REST = 30.0


@dataclass(frozen=True, slots=True)
class Wish:
    """Why a caller wants a new pair; callers with the same wish share one renewal.

    Attributes:
        seen: the generation that the caller found wanting; any later one grants the wish.
        refused: the access token that an API answered 401 to.
        must: only a new pair will do (`refresh`); else the old one serves while it lives.
        resend: send again although an earlier sending is unconfirmed (`refresh --force`).
        min_life: seconds that the token must live on.
    """

    seen: int
    refused: str | None = field(default=None, repr=False)
    must: bool = False
    resend: bool = False
    min_life: float = 0.0


def otherwise(terms: Terms, wish: Wish, token: Token, error: TraktAuthError) -> Token:
    """Return the old token while it lives and serves the wish.

    Raises:
        TraktAuthError: `error`, where it does not.
    """
    lives = token.expires_at - terms.clock() > wish.min_life
    if wish.must or not lives or token.access_token == wish.refused:
        raise error
    rest = error.retry_after if isinstance(error, TryLater) else _LONGEST_REST
    terms.rest.until = terms.monotonic() + min(rest, _LONGEST_REST)
    return token


def renew(terms: Terms, wish: Wish) -> Flow[Token]:
    """Grant a wish: with somebody else's newer pair, a renewal, or the old token while it lives."""
    held_since = terms.monotonic()
    record = yield from Load()
    token = record.token
    if token is None:
        raise signed_out(record)
    if _granted(terms, wish, token):
        return token
    problem = not_renewable(record)
    if problem is not None:
        return otherwise(terms, wish, token, problem)
    attempt = next_attempt(terms, wish, record, token)
    if isinstance(attempt, TraktAuthError):
        return otherwise(terms, wish, token, attempt)
    return (yield from Shielded(lambda: _refresh(terms, wish, record, token, attempt, held_since)))


def _granted(terms: Terms, wish: Wish, token: Token) -> bool:
    """Tell whether somebody else's renewal has granted the wish while we waited."""
    now = terms.clock()
    if token.generation <= wish.seen or token.access_token == wish.refused:
        return False
    return wish.must or (window(token, now) is Window.FRESH and token.expires_at - now >= wish.min_life)


def _refresh(terms: Terms, wish: Wish, record: Record, token: Token, attempt: int, held_since: float) -> Flow[Token]:
    """Send the refresh token, once, and settle what comes of it. From here to the end nothing may stop us."""
    if not (yield from Begin(token.generation, attempt)):
        busy = TryLater("Somebody else has just begun to renew this login", retry_after=1.0)
        return (yield from _look_again(terms, wish, token, busy))
    back = Cancel(token.generation, attempt, record.renewal)
    if terms.monotonic() - held_since > LEASE - REQUEST_LIMIT:
        # We were stopped in between and nobody waits for us any more; whoever comes next sends it.
        error: TraktAuthError = TryLater("This program was stopped in the middle of a renewal")
        return (yield from _not_spent(terms, wish, token, error, back))
    sent_at = terms.clock()
    reply = yield from Send(
        exchange_refresh_token(
            terms.service,
            refresh_token=token.refresh_token or "",
            client_id=terms.app.client_id,
            client_secret=terms.app.client_secret,
            redirect_uri=terms.app.redirect_uri,
        )
    )
    if isinstance(reply, NoReply):
        error = TryLater(f"Trakt could not be reached: {reply.reason}")
        if reply.sent:
            error = _unconfirmed(terms, token, attempt, reply.reason, error)
            return (yield from _look_again(terms, wish, token, error))
        return (yield from _not_spent(terms, wish, token, error, back))
    return (yield from _settle(terms, wish, token, reply, sent_at, back))


def _settle(terms: Terms, wish: Wish, token: Token, reply: Reply, sent_at: float, back: Cancel) -> Flow[Token]:
    """Act on the reply to a refresh: save, mark, take back, or leave the renewal open."""
    if reply.status == OK:
        try:
            new = _read_new(reply, token, sent_at)
        except TraktAuthError as unreadable:
            error = _unconfirmed(terms, token, back.attempt, unreadable.message, unreadable)
            return (yield from _look_again(terms, wish, token, error))
        return (yield from _save(terms, token, new))
    if dead_grant(reply):
        return (yield from _dead(terms, wish, token, back))
    error = fault(reply, what="a new token")
    if not_spent(reply):
        return (yield from _not_spent(terms, wish, token, error, back))
    error = _unconfirmed(terms, token, back.attempt, error.message, error)
    return (yield from _look_again(terms, wish, token, error))


def _read_new(reply: Reply, old: Token, sent_at: float) -> Token:
    """Read a pair. A copy of the answer that brought the old one tells nothing of what became of this request."""
    new = read_token(reply, sent_at=sent_at, what="a new token")
    if new.access_token == old.access_token:
        raise UnexpectedReply("Trakt's answer to a request for a new token holds the old one", status=OK)
    return new


def _not_spent(terms: Terms, wish: Wish, token: Token, error: TraktAuthError, back: Cancel) -> Flow[Token]:
    """Give the right to send back, and say so: nobody may hear of the error while the old token is served."""
    yield from _if_possible(back)
    yield from Note(f"{token.fingerprint} was not renewed: {error.message}", warning=True)
    return otherwise(terms, wish, token, error)


def _save(terms: Terms, old: Token, new: Token) -> Flow[Token]:
    """Save the pair before anybody uses it; a store that fails is asked again for a while."""
    new = replace(new, generation=old.generation + 1, refresh_token=new.refresh_token or old.refresh_token)
    until = terms.monotonic() + SAVE_LIMIT
    while True:
        try:
            saved = yield from Save(new, after=old.generation)
        except StoreFailed as error:
            if terms.monotonic() >= until:
                yield from Keep(new, after=old.generation)
                error.kept = True
                raise
            yield from Sleep(_SAVE_AGAIN)
        else:
            break
    if saved:
        yield from Note(f"renewed {old.fingerprint} to {new.fingerprint}, generation {new.generation}")
        terms.rest.until = float("-inf")
        return new
    yield from Note(f"the pair after {old.fingerprint} came too late: a newer one is stored", warning=True)
    record = yield from Load()
    if record.token is None:
        raise signed_out(record)
    return record.token


def _dead(terms: Terms, wish: Wish, token: Token, back: Cancel) -> Flow[Token]:
    """The refresh token was refused for good, unless somebody else has renewed with it meanwhile."""
    record = yield from Load()
    if record.token is None:
        raise signed_out(record)
    if record.generation != token.generation:
        return record.token
    lost = back.attempt > 1
    why = (
        "its refresh token was spent by a renewal whose answer was lost" if lost else "Trakt refused its refresh token"
    )
    yield from _if_possible(Mark(token.generation, why))
    yield from Note(f"{token.fingerprint} cannot be renewed: {why}", warning=True)
    error = LoginRequired(f"This login cannot be renewed: {why}", reason="reply-lost" if lost else "revoked")
    return otherwise(terms, wish, token, error)


def _look_again(terms: Terms, wish: Wish, token: Token, error: TraktAuthError) -> Flow[Token]:
    """Take somebody else's newer pair where there is one; else the old token while it lives, or the error."""
    try:
        record = yield from Load()
    except StoreFailed:
        return otherwise(terms, wish, token, error)
    if record.token is None:
        raise signed_out(record)
    if record.generation > token.generation:
        return record.token
    yield from Note(f"the renewal of {token.fingerprint} stays open: {error.message}", warning=True)
    return otherwise(terms, wish, token, error)


def _unconfirmed(terms: Terms, token: Token, attempt: int, reason: str, error: TraktAuthError) -> TraktAuthError:
    """Word a renewal that was sent and not answered in a way that could be read; after the last, a sign-in is left."""
    lost = f"The renewal was sent and its answer was lost ({reason})"
    if isinstance(error, TryLater | UnexpectedReply) and over(terms, token, attempt):
        error = LoginRequired(f"{lost}; it was the last attempt, and the token has expired", reason="reply-lost")
    elif isinstance(error, TryLater):
        error = TryLater(lost, retry_after=error.retry_after, status=error.status)
    error.unconfirmed = True
    return error


def _if_possible(effect: Effect[None]) -> Flow[None]:
    """Write a note to the store; where that fails the open renewal stays, which is the safe side."""
    try:
        yield from effect
    except StoreFailed:
        yield from Note("the store failed after a renewal; it counts as unconfirmed", warning=True)
