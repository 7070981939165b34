"""The refresh policy: may a refresh token be sent, may it be sent again, and what is used instead."""

from __future__ import annotations

from dataclasses import dataclass, field

from traktauth.errors import LoginRequired, LoginRequiredReason, TraktAuthError, TryLater
from traktauth.flow.context import FlowContext
from traktauth.flow.moved_login import being_moved, moved_error
from traktauth.models import PendingRefresh, Record, Token
from traktauth.models.refresh_window import RefreshWindow, refresh_window
from traktauth.timeouts import LEASE, MAX_SENDING, REQUEST_TIMEOUT

# Seconds between the second sending of a refresh token and the third; doubled with each.
_FIRST_PAUSE = 60.0
_MAX_PAUSE = 3600.0
_RETRY_AFTER = 5.0
_MAX_COOLDOWN = 30.0
NO_REFRESH_TOKEN = "Trakt gave no refresh token"


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """Why a caller wants another token; callers with the same request share one refresh.

    Attributes:
        generation: of the token that the caller cannot use; any later one satisfies the request.
        rejected: the access token that an API answered 401 to.
        force_new: only a new token will do (`refresh`); else the old one is used while it is valid.
        resend: send again although an earlier sending is unconfirmed (`refresh --force`).
        min_life: seconds for which the token must stay valid.
    """

    generation: int
    rejected: str | None = field(default=None, repr=False)
    force_new: bool = False
    resend: bool = False
    min_life: float = 0.0

    def is_satisfied_by(self, token: Token, now: float) -> bool:
        """Return whether a token that another caller saved meanwhile will do."""
        if token.generation <= self.generation or token.access_token == self.rejected:
            return False
        is_fresh = refresh_window(token, now) is RefreshWindow.FRESH and token.expires_at - now >= self.min_life
        return self.force_new or is_fresh


def new_sending(context: FlowContext, generation: int, number: int) -> PendingRefresh:
    """Return what the store records of a sending that is about to be made."""
    return PendingRefresh(generation, number, round(context.clock(), 3), context.sender())


@dataclass(frozen=True, slots=True)
class Sending:
    """A sending of a refresh token that may be made.

    Attributes:
        number: 1 for the first sending of this refresh token.
        probe_since: if not None, a probe that was made since (Unix seconds) must have shown that the endpoint works.
    """

    number: int
    probe_since: float | None = None


def current_token_or_raise(context: FlowContext, request: RefreshRequest, token: Token, error: TraktAuthError) -> Token:
    """Return the current token if it is valid and satisfies the request, and let no refresh follow for a while.

    Raises:
        TraktAuthError: `error`, if it does not.
    """
    is_valid = token.expires_at - context.clock() > request.min_life
    if request.force_new or not is_valid or token.access_token == request.rejected:
        raise error
    seconds = error.retry_after if isinstance(error, TryLater) else _MAX_COOLDOWN
    context.cooldown.until = context.monotonic() + min(seconds, _MAX_COOLDOWN)
    return token


def lock_acquired_at(context: FlowContext) -> float:
    """Return the monotonic time of a lock that was acquired just now; infinity if it lasts until it is released."""
    return context.monotonic() if context.lock_expires else float("inf")


def has_time_to_send(context: FlowContext, acquired_at: float) -> bool:
    """Return whether a request that is sent now ends before the lease of the lock does."""
    return context.monotonic() - acquired_at <= LEASE - REQUEST_TIMEOUT


def not_refreshable(record: Record) -> LoginRequired | None:
    """Return why this login cannot be refreshed, or None if it can."""
    why = why_not_refreshable(record)
    if why is None:
        return None
    return cannot_refresh(why, "expired" if record.refreshable else record.login_required_reason or "revoked")


def why_not_refreshable(record: Record) -> str | None:
    """Return the reason alone why this login cannot be refreshed, or None if it can."""
    if not record.refreshable:
        return record.not_refreshable_reason or "it is marked so"
    return NO_REFRESH_TOKEN if record.token is not None and record.token.refresh_token is None else None


def next_sending(
    context: FlowContext, request: RefreshRequest, record: Record, token: Token
) -> Sending | TraktAuthError:
    """Return the sending that may be made now, or the error that says why none may.

    A pending refresh shows that the refresh token was sent and that its response was not saved. If it arrived, sending
    it again ends every device's login, so only the `lost_reply` setting or the user allows it.
    """
    pending = record.pending_refresh
    mark = None if pending is None else (pending.generation, pending.sending, pending.started_at)
    longest_age = context.pending_watch.longest_age(mark, context.monotonic())
    if pending is None:
        return Sending(1)
    if pending.moving_to is not None:
        return being_moved(pending.moving_to, is_valid=token.expires_at > context.clock())
    age = min(abs(context.clock() - pending.started_at), longest_age)
    if not pending.unconfirmed and age < MAX_SENDING and context.other_is_alive(pending.sender):
        return TryLater(
            f"Another program ({pending.sender}) is refreshing this login", retry_after=_RETRY_AFTER, code="login-busy"
        )
    if request.resend or context.lost_reply == "resend":
        return Sending(pending.sending + 1)
    left = token.expires_at - context.clock()
    if left > 0 and token.access_token != request.rejected:
        return TryLater(
            "A refresh of this login was sent and its response was lost; it is not sent again while the old token "
            "is valid",
            retry_after=left,
            code="refresh-unconfirmed",
        )
    if context.lost_reply == "sign-in":
        return reply_lost("The response to this login's last refresh was lost, and its token cannot be used any more")
    pause = pause_after(pending.sending)
    if age < pause:
        message = "The response to this login's last refresh was lost, and its refresh token is not sent again yet"
        return TryLater(message, retry_after=pause - age, code="refresh-unconfirmed")
    return Sending(pending.sending + 1, probe_since=pending.started_at)


def pause_after(number: int) -> float:
    """Return the seconds between the start of this sending, whose outcome is unknown, and the next one."""
    return 0.0 if number == 1 else min(_MAX_PAUSE, _FIRST_PAUSE * 2.0 ** min(number - 2, 10))


# ---------------------------------------------------------------- errors
def cannot_refresh(message: str | None, reason: LoginRequiredReason) -> LoginRequired:
    """Return the error for a login that cannot be refreshed: the same at its end and in every later call."""
    return LoginRequired(f"This login cannot be refreshed: {message}", reason=reason)


def signed_out_error(record: Record) -> TraktAuthError:
    """Return the error for a login without a token: LoginRequired, or LoginMoved if another store has it."""
    error = moved_error(record)
    if error is not None:
        return error
    if record.generation:
        return LoginRequired("This account is signed out", reason="signed-out")
    return LoginRequired("This account has no login", reason="never")


def reply_lost(message: str) -> LoginRequired:
    """Return the error for a login whose refresh is unconfirmed, and which the settings do not let be sent again."""
    return LoginRequired(message, reason="reply-lost")
