"""One refresh: under the login's lock, sent at most once, its new token saved before anything uses it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from http import HTTPStatus

from traktauth.errors import (
    AppRejected,
    LoginMoved,
    LoginRequiredReason,
    StoreFailed,
    TraktAuthError,
    TryLater,
    UnexpectedReply,
)
from traktauth.flow.common import load_token, retry_store
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import (
    BUSY,
    Apply,
    Flow,
    HoldUnsaved,
    Load,
    LogMessage,
    NoResponse,
    Send,
    Shielded,
    WithLock,
)
from traktauth.flow.probe import check_endpoint, withdraw_healthy
from traktauth.flow.refresh_policy import (
    RefreshRequest,
    cannot_refresh,
    current_token_or_raise,
    has_time_to_send,
    lock_acquired_at,
    new_sending,
    next_sending,
    not_refreshable,
    pause_after,
    reply_lost,
)
from traktauth.models import PendingRefresh, Record, Token
from traktauth.models.changes import (
    BeginRefresh,
    CancelRefresh,
    Change,
    RejectToken,
    SaveToken,
    SetRefreshable,
    SetUnconfirmed,
)
from traktauth.models.refresh_window import RefreshWindow
from traktauth.timeouts import LEASE, LOCK_TIMEOUT
from traktauth.wire.error_responses import (
    error_code,
    error_from_response,
    is_certainly_unspent,
    is_invalid_grant,
    safe_description,
)
from traktauth.wire.messages import Response
from traktauth.wire.token_endpoint import GRANTED, build_refresh_request, parse_token_response

_DEFAULT_RETRY_AFTER = 30.0
_STAYS_PENDING = "the store failed after a refresh; it counts as unconfirmed"


# ---------------------------------------------------------------- who asks for a refresh
def refresh_due(
    context: FlowContext, record: Record, token: Token, state: RefreshWindow, *, rejected: str | None, min_life: float
) -> Flow[Token]:
    """Return a new token, or the old one if it is valid and cannot be refreshed now.

    Args:
        context: the context.
        record: as it was loaded.
        token: the record's.
        state: how urgently the token must be refreshed.
        rejected: an access token that the API rejected.
        min_life: seconds for which the token must stay valid.
    """
    left = token.expires_at - context.clock()
    request = RefreshRequest(token.generation, rejected=rejected, min_life=min_life)
    problem = not_refreshable(record)
    if problem is not None:
        yield from _note_rejected(context, record, token, request)
        return current_token_or_raise(context, request, token, problem)
    is_cooling_down = context.monotonic() < context.cooldown.until
    if state is not RefreshWindow.EXPIRED and left >= min_life and is_cooling_down:
        text = f"{token.fingerprint} is not refreshed: a refresh has just failed"
        yield from _not_sent(token, "cooling-down", text)
        return token
    yield from _refresh_needed(token, left, min_life, is_rejected=rejected is not None)
    timeout = 0.0 if state is RefreshWindow.ADVISORY else LOCK_TIMEOUT
    return (yield from _refresh_under_lock(context, request, token, timeout))


def refresh(context: FlowContext, *, resend: bool = False, since: float | None = None) -> Flow[Token]:
    """Refresh now, even a valid token. Trakt: *Exchange refresh_token for access_token*.

    Args:
        context: the context.
        resend: send the refresh token again although an earlier sending is unconfirmed. If that one arrived, this
            ends every device's login.
        since: Unix seconds when the caller began; a token saved after that is shared instead of refreshed again.

    Raises:
        LoginRequired: the user has to sign in again.
        TryLater: Trakt cannot be reached, or an earlier sending is unconfirmed.
        StoreFailed: the store cannot be read or written.
    """
    record, token = yield from load_token()
    if since is not None and since < record.saved_at <= context.clock() and record.rejected_at is None:
        return token  # one that was saved after now is of a host whose clock is ahead: it may be old
    problem = not_refreshable(record)
    if problem is not None:
        raise problem
    request = RefreshRequest(token.generation, force_new=True, resend=resend)
    return (yield from _refresh_under_lock(context, request, token, LOCK_TIMEOUT))


def _refresh_needed(token: Token, left: float, min_life: float, *, is_rejected: bool) -> LogMessage:
    """Return why a token needs a refresh, for the log."""
    if is_rejected:
        reason, why = "rejected", "the API rejected it"
    elif left <= 0:
        reason, why = "expired", f"it expired {-left:.0f} s ago"
    elif left < min_life:
        reason, why = "min-life", f"it expires in {left:.0f} s, and {min_life:.0f} s are required"
    else:
        reason, why = "expires-soon", f"it expires in {left:.0f} s, of {token.expires_in} s"
    text = f"{token.fingerprint} needs a refresh: {why}"
    return LogMessage(text, event="refresh-needed", reason=reason, generation=token.generation, debug=True)


# ---------------------------------------------------------------- under the lock
def _refresh_under_lock(context: FlowContext, request: RefreshRequest, token: Token, timeout: float) -> Flow[Token]:
    """Refresh under the login's lock; after its timeout, use the current token if it is still valid."""
    try:
        outcome = yield from WithLock(partial(_refresh_locked, context, request), purpose=request, timeout=timeout)
    except (StoreFailed, TryLater) as error:  # TryLater: the driver found that no request can be sent from here
        if error.unconfirmed or (isinstance(error, StoreFailed) and error.kept):
            raise
        return current_token_or_raise(context, request, token, error)
    if outcome is not BUSY:
        return (yield from _refresh_expired(context, request, outcome))
    waited = f"after {timeout:.0f} s" if timeout else "at once"
    yield from _not_sent(
        token, "locked", f"the lock of the login was not free {waited}: another caller is refreshing it"
    )
    try:
        record, newest = yield from load_token()  # the other caller may have saved a token in the last moment
    except LoginMoved:
        raise
    except StoreFailed as error:
        return current_token_or_raise(context, request, token, error)
    if newest.generation > request.generation and record.rejected_at is None:
        return newest
    busy = TryLater("Another program is still refreshing this login", retry_after=1.0, code="login-busy")
    return current_token_or_raise(context, request, token, busy)


def _refresh_expired(context: FlowContext, request: RefreshRequest, token: Token) -> Flow[Token]:
    """Return the token; a newer one if it expired while it was being saved, e.g. because the database was locked."""
    if token.expires_at > context.clock():
        return token
    again = replace(request, generation=token.generation)
    outcome = yield from WithLock(partial(_refresh_locked, context, again), purpose=again, timeout=LOCK_TIMEOUT)
    return token if outcome is BUSY else outcome


def _refresh_locked(context: FlowContext, request: RefreshRequest) -> Flow[Token]:
    """Return another caller's newer token, a new one, or the current one while it is valid."""
    acquired_at = lock_acquired_at(context)
    record, token = yield from load_token()
    request = yield from _note_rejected(context, record, token, request)
    if request.is_satisfied_by(token, context.clock()):
        message = f"another caller has refreshed it to {token.fingerprint}, generation {token.generation}"
        yield from LogMessage(message, event="refresh-shared", generation=token.generation, debug=True)
        return token
    problem = not_refreshable(record)
    if problem is not None:
        return current_token_or_raise(context, request, token, problem)
    sending = next_sending(context, request, record, token)
    if isinstance(sending, TraktAuthError):
        pause = f" for {sending.retry_after:.0f} s" if isinstance(sending, TryLater) else ""
        text = f"{token.fingerprint}: no refresh is sent{pause}: {sending.message}"
        yield from _not_sent(token, sending.code, text)
        return current_token_or_raise(context, request, token, sending)
    if sending.probe_since is not None:
        try:
            yield from check_endpoint(context, since=sending.probe_since)
        except TraktAuthError as error:
            return current_token_or_raise(context, request, token, error)
        if not has_time_to_send(context, acquired_at):
            slow = TryLater("Trakt's token endpoint works, but took too long to respond", retry_after=1.0)
            return current_token_or_raise(context, request, token, slow)
    one = _Refresh(context, request, token, acquired_at, sending.number, record.pending_refresh)
    return (yield from Shielded(one.run))


def _note_rejected(context: FlowContext, record: Record, token: Token, request: RefreshRequest) -> Flow[RefreshRequest]:
    """Record that the API rejected the token, so that no process uses it; return the request with that token.

    A token that the record notes as rejected is not returned to this caller either.
    """
    if record.rejected_at is not None:
        return replace(request, rejected=token.access_token)
    if token.access_token == request.rejected:
        yield from _best_effort(RejectToken(token.generation, context.clock()))
    return request


def _not_sent(token: Token, reason: str, text: str) -> LogMessage:
    """Return why no refresh is sent, for the log."""
    return LogMessage(text, event="refresh-skipped", reason=reason, generation=token.generation, debug=True)


# ---------------------------------------------------------------- one sending
class _Refresh:
    """One sending of a refresh token, under the lock and shielded.

    Args:
        context: of the login.
        request: why the caller wants another token.
        token: the token to refresh.
        acquired_at: monotonic time at which the lock was acquired.
        number: 1 for the first sending of this refresh token.
        before: the sending that is pending.
    """

    def __init__(
        self,
        context: FlowContext,
        request: RefreshRequest,
        token: Token,
        acquired_at: float,
        number: int,
        before: PendingRefresh | None,
    ) -> None:
        self._context = context
        self._request = request
        self._token = token
        self._acquired_at = acquired_at
        self._pending = new_sending(context, token.generation, number)
        self._cancel = CancelRefresh(self._pending, before)

    def run(self) -> Flow[Token]:
        """Send the refresh token, once, and handle the outcome."""
        context, token = self._context, self._token
        request = build_refresh_request(context.service, context.app, token.refresh_token or "")
        try:
            may_send = yield from Apply(BeginRefresh(self._pending))
        except Exception:
            yield from _best_effort(self._cancel)  # nothing was sent, but the store may have recorded that it would be
            raise
        if not may_send:
            busy = TryLater("Another program has just begun to refresh this login", retry_after=1.0, code="login-busy")
            return (yield from self._reload_or_fail(busy))
        if not has_time_to_send(context, self._acquired_at):
            # This process was stopped in between and others do not wait for it any more; the next caller sends it.
            stopped = TryLater("Nothing was sent, as this program was stopped or its store is slow")
            return (yield from self._handle_unspent(stopped))
        sent_at = context.clock()
        response = yield from Send(request)
        if not isinstance(response, NoResponse):
            return (yield from self._handle_response(response, sent_at))
        error = response.error(request.url)
        if not response.sent:
            return (yield from self._handle_unspent(error))
        lost = f"The refresh was sent and its response was lost ({response.reason})"
        return (yield from self._handle_unconfirmed(lost, error))

    def _handle_response(self, response: Response, sent_at: float) -> Flow[Token]:
        """Act on the response to a refresh: save, mark, cancel, or leave the refresh pending."""
        if response.status in GRANTED:
            try:
                new = _parse_new_token(response, self._token, sent_at)
            except TraktAuthError as unreadable:
                what = f"The refresh was sent and its response cannot be read ({unreadable.message})"
                return (yield from self._handle_unconfirmed(what, unreadable))
            return (yield from self._save(new))
        if is_invalid_grant(response):
            return (yield from self._handle_invalid_grant(safe_description(response)))
        error = error_from_response(response, what="a new token")
        if is_certainly_unspent(response):
            return (yield from self._handle_unspent(error))
        is_from_engine = response.status >= HTTPStatus.BAD_REQUEST and error_code(response) != ""
        what = f"The refresh was sent, and Trakt's response ({response.status}) does not say whether it was done"
        return (yield from self._handle_unconfirmed(what, error, is_from_engine=is_from_engine))

    # ------------------------------------------------------------ a new token
    def _save(self, new: Token) -> Flow[Token]:
        """Save the new token before anything uses it."""
        context, old = self._context, self._token
        new = replace(new, generation=old.generation + 1, refresh_token=new.refresh_token or old.refresh_token)
        is_doubtful = context.monotonic() - self._acquired_at > LEASE and (yield from self._was_sent_by_another())
        if is_doubtful:
            # The other sending may have ended our token, or not: it is refreshed itself before anything uses it.
            new = replace(new, expires_at=context.clock())
        save = Apply(SaveToken(new, old.generation, context.clock()))
        try:
            is_saved = yield from retry_store(context, save)
        except StoreFailed as error:
            yield from HoldUnsaved(new, after=old.generation)
            error.kept = True
            raise
        if not is_saved:
            text = f"the token after {old.fingerprint} came too late: a newer one is stored"
            yield from LogMessage(text, event="token-discarded", generation=new.generation, warning=True)
            return self._newer_token(*(yield from load_token()))
        text = f"refreshed {old.fingerprint} to {new.fingerprint}, generation {new.generation}"
        yield from LogMessage(text, event="refreshed", generation=new.generation)
        context.cooldown.until = float("-inf")
        if not is_doubtful:
            return new
        again = TryLater("This login's new token has to be refreshed before it is used", retry_after=1.0)
        return current_token_or_raise(context, self._request, new, again)

    def _was_sent_by_another(self) -> Flow[bool]:
        """Return whether another process has sent the same refresh token, as it did not wait for this one any more."""
        try:
            record = yield from Load()
        except StoreFailed:
            return False
        if record.generation != self._token.generation or record.pending_refresh is None:
            return False
        return not record.refreshable or record.pending_refresh.sending != self._pending.sending

    def _newer_token(self, record: Record, token: Token) -> Token:
        """Return a newer token that another caller saved, unless it is recorded as rejected.

        Raises:
            TryLater: it has to be refreshed before it is used.
            LoginRequired: it cannot be.
        """
        if record.rejected_at is None:
            return token
        again = TryLater("This login's new token has to be refreshed first", retry_after=1.0)
        request = replace(self._request, rejected=token.access_token)
        return current_token_or_raise(self._context, request, token, not_refreshable(record) or again)

    # ------------------------------------------------------------ failures
    def _handle_unspent(self, error: TraktAuthError) -> Flow[Token]:
        """Cancel the refresh, and log why: callers do not see the error while the current token is valid.

        A refresh that stays pending counts as one whose response was lost, and under `sign-in` that ends the login.
        """
        try:
            yield from retry_store(self._context, Apply(self._cancel))
        except StoreFailed:
            yield from LogMessage(_STAYS_PENDING, event="store-failed", warning=True)
        text = f"{self._token.fingerprint} was not refreshed: {error.message}"
        yield from self._warn("refresh-failed", error.code, text)
        return current_token_or_raise(self._context, self._request, self._token, error)

    def _handle_invalid_grant(self, words: str | None) -> Flow[Token]:
        """Handle a refresh token that was refused for good, unless another caller has refreshed with it meanwhile."""
        context, token = self._context, self._token
        record, newest = yield from load_token()
        is_resent = self._pending.sending > 1
        if newest.generation > token.generation:
            if is_resent and record.rejected_at is None:
                # This sending was a second one. On some engines it has ended the token that the first one brought.
                yield from _best_effort(RejectToken(newest.generation, context.clock()))
                record = replace(record, rejected_at=context.clock())
            return self._newer_token(record, newest)
        reason: LoginRequiredReason
        if is_resent:
            reason, message = "reply-lost", "its refresh token was spent by a refresh whose response was lost"
        else:
            reason, message = "revoked", "Trakt refused its refresh token"
        yield from _best_effort(SetRefreshable(token.generation, message, reason, at=context.clock(), words=words))
        quoted = f' ("{words}")' if words else ""
        yield from self._warn("login-ended", reason, f"{token.fingerprint} cannot be refreshed: {message}{quoted}")
        return current_token_or_raise(context, self._request, token, cannot_refresh(message, reason))

    def _handle_unconfirmed(self, message: str, cause: TraktAuthError, *, is_from_engine: bool = False) -> Flow[Token]:
        """Leave the refresh pending, as its outcome is unknown, and record that for the next caller.

        Under `sign-in`, only a sign-in helps if the token has expired. An error of the engine itself that no contract
        foresees is raised as it is.
        """
        error = cause
        if self._context.lost_reply == "sign-in" and self._token.expires_at <= self._context.clock():
            error = reply_lost(f"{message}, and the token has expired")
        elif not isinstance(error, AppRejected) and not is_from_engine:
            retry_after = error.retry_after if isinstance(error, TryLater) else _DEFAULT_RETRY_AFTER
            status = error.status if isinstance(error, TryLater | UnexpectedReply) else None
            wait = max(retry_after, pause_after(self._pending.sending))
            error = TryLater(message, retry_after=wait, status=status, code="refresh-unconfirmed")
        error.unconfirmed = True
        try:
            yield from withdraw_healthy(self._context, "a refresh after the last probe got no clear response")
        except StoreFailed:
            yield from self._warn("store-failed", "", "the store failed after a refresh; the last probe still counts")
        return (yield from self._reload_or_fail(error))

    def _reload_or_fail(self, error: TraktAuthError) -> Flow[Token]:
        """Return another caller's newer token if there is one; else the current one while it is valid, or the error."""
        try:
            record, newest = yield from load_token()
        except LoginMoved:
            raise
        except StoreFailed:
            return current_token_or_raise(self._context, self._request, self._token, error)
        if newest.generation > self._token.generation:
            return self._newer_token(record, newest)
        if error.unconfirmed:
            yield from _best_effort(SetUnconfirmed(self._pending))
        text = f"the refresh of {self._token.fingerprint} stays pending: {error.message}"
        yield from self._warn("refresh-pending", error.code, text)
        return current_token_or_raise(self._context, self._request, self._token, error)

    def _warn(self, event: str, reason: str, text: str) -> LogMessage:
        return LogMessage(text, event=event, reason=reason, generation=self._token.generation, warning=True)


def _parse_new_token(response: Response, old: Token, sent_at: float) -> Token:
    """Parse the new token. A copy of the response that brought the old one shows nothing about this request."""
    new = parse_token_response(response, sent_at=sent_at, what="a new token")
    if new.access_token == old.access_token:
        raise UnexpectedReply("Trakt's response to a refresh holds the old token", status=response.status)
    return new


def _best_effort(change: Change) -> Flow[None]:
    """Write to the store; if that fails the refresh stays pending, which is the safe side."""
    try:
        yield from Apply(change)
    except StoreFailed:
        yield from LogMessage(_STAYS_PENDING, event="store-failed", warning=True)
