"""The end of a login: revoke both tokens at Trakt, then delete them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from traktauth.errors import AppRejected, LoginExists, TraktAuthError, TryLater
from traktauth.flow.common import load_token
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import (
    BUSY,
    Apply,
    Flow,
    Load,
    LogMessage,
    NoResponse,
    Send,
    WithLock,
)
from traktauth.flow.moved_login import check_not_moved
from traktauth.flow.refresh_policy import has_time_to_send, lock_acquired_at, new_sending, signed_out_error
from traktauth.hints import LOGOUT_COMMAND, Hint
from traktauth.models import Record, Token
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, Erase, SetRefreshable
from traktauth.models.record import EMPTY
from traktauth.timeouts import LOCK_TIMEOUT
from traktauth.wire.error_responses import is_certainly_unspent, is_invalid_client
from traktauth.wire.token_endpoint import build_revocation_request, parse_revocation


@dataclass(frozen=True, slots=True)
class SignedOut:
    """What a sign-out did.

    Attributes:
        revoked: whether anything was revoked at Trakt.
        left: whether a refresh token may still be valid at Trakt, because it could not be revoked safely.
    """

    revoked: bool
    left: bool


SIGNING_OUT = "a sign-out was begun and is not finished"
UNFINISHED = (
    "The refresh token may be revoked, so this login is not refreshed any more. Repeat the sign-out, or sign in again"
)


def log_out(context: FlowContext, *, local: bool = False) -> Flow[SignedOut]:
    """Sign out, with the token that is stored under the lock. Trakt: *Revoke an access_token*.

    Args:
        context: of the login.
        local: only delete the token here; at Trakt it stays valid.

    Raises:
        LoginRequired: the account has no login.
        TryLater: Trakt cannot be reached; nothing was deleted.
        AppRejected: Trakt refused the app; nothing was deleted.
    """
    outcome = yield from WithLock(partial(_sign_out, context, local=local), timeout=LOCK_TIMEOUT)
    if outcome is BUSY:
        raise TryLater("Another program is refreshing this login", retry_after=5.0)
    return outcome


def _sign_out(context: FlowContext, *, local: bool) -> Flow[SignedOut]:
    acquired_at = lock_acquired_at(context)
    record, token = yield from load_token()
    if local:
        yield from Apply(DeleteToken(record.generation))
        return SignedOut(revoked=False, left=True)
    safe = _refresh_token_is_unspent(record)
    if safe:
        yield from _revoke_refresh_token(context, record, token.refresh_token or "", acquired_at)
    _, error = yield from _try_revoke(context, token.access_token)
    if error is not None:
        error.hint = UNFINISHED if safe else error.hint
        raise error
    if safe:
        yield from Apply(CancelRefresh(new_sending(context, record.generation, 1), None))
    yield from LogMessage(f"signed out {token.fingerprint}", event="signed-out", generation=record.generation)
    yield from Apply(DeleteToken(record.generation))
    return SignedOut(revoked=True, left=token.refresh_token is not None and not safe)


def forget() -> Flow[SignedOut]:
    """Forget where a login was moved to, as the other store cannot be opened."""
    record = yield from Load()
    yield from Apply(DeleteToken(record.generation))
    return SignedOut(revoked=False, left=True)


def _refresh_token_is_unspent(record: Record) -> bool:
    """Return whether revoking the refresh token is safe: revoking a spent one ends every device's login."""
    token: Token | None = record.token
    return (
        record.pending_refresh is None and record.refreshable and token is not None and token.refresh_token is not None
    )


def _revoke_refresh_token(context: FlowContext, record: Record, secret: str, acquired_at: float) -> Flow[None]:
    """Revoke the refresh token; if Trakt was not reached, the login stays as it was.

    Trakt's present engine takes a revoked refresh token that is sent again for a stolen one, and ends every device's
    login. So a sending is recorded first, as for a refresh, and no other is allowed after it.

    Raises:
        TryLater, AppRejected, UnexpectedReply: it was not revoked, or that is unknown.
    """
    generation = record.generation
    sending = new_sending(context, generation, 1)
    if not (yield from Apply(BeginRefresh(sending))):
        raise TryLater("Another program has just begun to refresh this login", retry_after=5.0)
    yield from Apply(SetRefreshable(generation, SIGNING_OUT))
    if not has_time_to_send(context, acquired_at):
        # This process was stopped in between and others do not wait for it any more: one of them may have sent it.
        untouched = True
        error: TraktAuthError | None = TryLater(
            "Nothing was sent, as this program was stopped or its store is slow", retry_after=1.0
        )
    else:
        untouched, error = yield from _try_revoke(context, secret)
    if error is None:
        return
    if untouched:
        yield from Apply(SetRefreshable(generation, None))
        yield from Apply(CancelRefresh(sending, None))
    else:
        error.hint = UNFINISHED
    raise error


def _try_revoke(context: FlowContext, secret: str) -> Flow[tuple[bool, TraktAuthError | None]]:
    """Ask for a revocation; return whether the token is certainly untouched, and the error if there is one."""
    request = build_revocation_request(context.service, context.app, secret)
    response = yield from Send(request)
    if isinstance(response, NoResponse):
        return not response.sent, TryLater(f"Trakt could not be reached, so nothing was deleted: {response.reason}")
    try:
        parse_revocation(response)
    except (TryLater, AppRejected) as fault:
        return is_certainly_unspent(response) or is_invalid_client(response), fault
    except TraktAuthError as fault:
        return False, fault
    return False, None


def erase(context: FlowContext) -> Flow[None]:
    """Remove what a sign-out leaves in the store: the account's name, the user's, and the history.

    Raises:
        LoginExists: the account is signed in.
        LoginRequired: the account never had a login.
        TryLater: another program is changing the login.
        StoreFailed: the store cannot be written, or cannot erase.
    """
    outcome = yield from WithLock(partial(_erase, context), timeout=LOCK_TIMEOUT)
    if outcome is BUSY:
        raise TryLater("Another program is changing this login", retry_after=5.0)


def _erase(context: FlowContext) -> Flow[None]:
    del context
    record = yield from Load()
    check_not_moved(record)
    if record.token is not None:
        raise LoginExists(
            "The account is still signed in, so it was not erased",
            hint="Sign out first: logout()",
            hint_command=Hint(
                "Sign out first: ", LOGOUT_COMMAND, "; or both at once: ", LOGOUT_COMMAND.with_arguments("--erase")
            ),
        )
    if record == EMPTY:
        raise signed_out_error(record)
    yield from Apply(Erase())
    yield from LogMessage("erased", event="erased")
