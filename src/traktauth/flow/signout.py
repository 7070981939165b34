"""The end of a login: revoke both tokens at Trakt, then forget them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from traktauth.errors import AppRejected, TryLater
from traktauth.flow.effects import BUSY, Exclusively, Forget, Load, Mark, NoReply, Note, Send
from traktauth.flow.standing import signed_out
from traktauth.flow.terms import PATIENCE
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
    record = yield from Load()
    token = record.token
    if token is None:
        raise signed_out(record)
    if local:
        yield from Forget(record.generation)
        return SignedOut(revoked=False, left=True)
    safe = _refresh_token_is_unspent(record)
    if safe:
        # Written down first: a refresh token that may be revoked must never be sent again, as the present engine
        # takes a revoked one for a stolen one and ends every device's login.
        yield from Mark(record.generation, SIGNING_OUT)
        yield from _revoke(terms, record, token.refresh_token or "")
    yield from _revoke(terms, record, token.access_token)
    yield from Note(f"signed out {token.fingerprint}")
    yield from Forget(record.generation)
    return SignedOut(revoked=True, left=token.refresh_token is not None and not safe)


def _refresh_token_is_unspent(record: Record) -> bool:
    """Tell whether revoking the refresh token is safe: revoking a spent one ends every device's login."""
    token: Token | None = record.token
    return record.renewal is None and record.renewable and token is not None and token.refresh_token is not None


def _revoke(terms: Terms, record: Record, secret: str) -> Flow[None]:
    """Revoke one token; where Trakt was not reached, the login is as it was before.

    Raises:
        TryLater, AppRejected, UnexpectedReply: it was not revoked, or nobody knows.
    """
    app = terms.app
    request = revoke(terms.service, token=secret, client_id=app.client_id, client_secret=app.client_secret)
    reply = yield from Send(request)
    if isinstance(reply, NoReply):
        untouched = not reply.sent
        error: Exception = TryLater(f"Trakt could not be reached, so nothing was forgotten: {reply.reason}")
    else:
        try:
            return read_revoked(reply)
        except (TryLater, AppRejected) as fault:
            untouched, error = not_spent(reply) or app_refused(reply), fault
    if untouched and record.token is not None and secret == record.token.refresh_token:
        yield from Mark(record.generation, None)
    raise error
