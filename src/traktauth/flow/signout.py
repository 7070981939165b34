"""The end of a login: revoke both tokens at Trakt, then forget them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from traktauth.errors import AppRejected, TraktAuthError, TryLater
from traktauth.flow.effects import BUSY, Begin, Cancel, Exclusively, Forget, Load, Mark, NoReply, Note, Send
from traktauth.flow.standing import signed_out
from traktauth.flow.terms import LEASE, PATIENCE, REQUEST_LIMIT
from traktauth.wire.faults import app_refused, not_spent
from traktauth.wire.tokens import read_revoked, revoke

if TYPE_CHECKING:
    from traktauth.flow.effects import Flow
    from traktauth.flow.terms import Terms
    from traktauth.models import Record, Token

SIGNING_OUT = "a sign-out was begun; finish it with traktauth logout"


@dataclass(frozen=True, slots=True)
class SignedOut:
    """What a sign-out did.

    Attributes:
        revoked: whether anything was revoked at Trakt.
        left: whether a refresh token may live on at Trakt, because it could not be revoked safely.
    """

    revoked: bool
    left: bool


def sign_out(terms: Terms, *, local: bool = False) -> Flow[SignedOut]:
    """Sign out, on the pair as it stands under the lock. Trakt: *Revoke an access_token*.

    Args:
        terms: the givens.
        local: only forget; at Trakt the tokens live on.

    Raises:
        LoginRequired: nobody is signed in.
        TryLater: Trakt cannot be reached; nothing was forgotten.
        AppRejected: Trakt refused the app; nothing was forgotten.
    """
    outcome = yield from Exclusively(partial(_sign_out, terms, local=local), patience=PATIENCE)
    if outcome is BUSY:
        raise TryLater("Somebody else is still renewing this login", retry_after=5.0)
    return outcome


def _sign_out(terms: Terms, *, local: bool) -> Flow[SignedOut]:
    held_since = terms.monotonic()
    record = yield from Load()
    token = record.token
    if token is None:
        raise signed_out(record)
    if local:
        yield from Forget(record.generation)
        return SignedOut(revoked=False, left=True)
    safe = _refresh_token_is_unspent(record)
    if safe:
        yield from _revoke_refresh_token(terms, record, token.refresh_token or "", held_since)
    yield from _revoke(terms, token.access_token)
    if safe:
        yield from Cancel(record.generation, 1, None)
    yield from Note(f"signed out {token.fingerprint}")
    yield from Forget(record.generation)
    return SignedOut(revoked=True, left=token.refresh_token is not None and not safe)


def _refresh_token_is_unspent(record: Record) -> bool:
    """Tell whether revoking the refresh token is safe: revoking a spent one ends every device's login."""
    token: Token | None = record.token
    return record.renewal is None and record.renewable and token is not None and token.refresh_token is not None


def _revoke_refresh_token(terms: Terms, record: Record, secret: str, held_since: float) -> Flow[None]:
    """Revoke the refresh token; where Trakt was not reached, the login is as it was before.

    The present engine takes a revoked token that comes again for a stolen one, and ends every device's login. So the
    right to send it is taken first, and given to nobody after that.

    Raises:
        TryLater, AppRejected, UnexpectedReply: it was not revoked, or nobody knows.
    """
    generation = record.generation
    if not (yield from Begin(generation, 1)):
        raise TryLater("Somebody else has just begun to renew this login", retry_after=5.0)
    yield from Mark(generation, SIGNING_OUT)
    if terms.monotonic() - held_since > LEASE - REQUEST_LIMIT:
        # We were stopped in between and nobody waits for us any more: somebody else may have sent it.
        untouched = True
        error: TraktAuthError | None = TryLater("This program was stopped in the middle of a sign-out", retry_after=1.0)
    else:
        untouched, error = yield from _revoked(terms, secret)
    if error is None:
        return
    if untouched:
        yield from Mark(generation, None)
        yield from Cancel(generation, 1, None)
    raise error


def _revoke(terms: Terms, secret: str) -> Flow[None]:
    """Revoke the access token, which may be done twice.

    Raises:
        TryLater, AppRejected, UnexpectedReply: it was not revoked, or nobody knows.
    """
    _, error = yield from _revoked(terms, secret)
    if error is not None:
        raise error


def _revoked(terms: Terms, secret: str) -> Flow[tuple[bool, TraktAuthError | None]]:
    """Ask for a revocation; return whether the token is certainly untouched, and the error if there is one."""
    app = terms.app
    request = revoke(terms.service, token=secret, client_id=app.client_id, client_secret=app.client_secret)
    reply = yield from Send(request)
    if isinstance(reply, NoReply):
        error = TryLater(f"Trakt could not be reached, so nothing was forgotten: {reply.reason}")
        return not reply.sent, error
    try:
        read_revoked(reply)
    except (TryLater, AppRejected) as fault:
        return not_spent(reply) or app_refused(reply), fault
    except TraktAuthError as fault:
        return False, fault
    return False, None
