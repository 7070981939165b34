"""Texts of a `LoginStatus` that `status` and `doctor` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.cli.times import format_deadline, format_duration, format_time
from traktauth.flow.moved_login import describe_target, finishing_command
from traktauth.flow.resend_policy import why_not_refreshable
from traktauth.hints import Hint

if TYPE_CHECKING:
    from traktauth.cli.inventory import StoredLogin
    from traktauth.flow.login_status import LoginStatus, PendingStatus


def describe_token(status: LoginStatus, now: float) -> str:
    """Return the access token's fingerprint and until when it is valid."""
    if status.expires_at is None:
        return "none"
    if status.is_valid:
        return f"{status.fingerprint}, valid until {format_deadline(status.expires_at, now)}"
    if status.expires_at > now:
        return f"{status.fingerprint}, rejected by Trakt's API"
    return f"{status.fingerprint}, expired {format_time(status.expires_at)}"


def describe_refresh(found: StoredLogin, now: float) -> str:
    """Return whether the token is refreshed, or why not; a `Hint` if a command helps."""
    status = found.status
    if status.fingerprint is None:
        return "nothing to refresh"
    pending = status.pending
    if pending is not None and pending.moving_to is not None:
        since, where = format_time(pending.started_at), describe_target(pending.moving_to)[0]
        return Hint(
            f"no: it is being moved to {where} since {since}; to finish: ", finishing_command(pending.moving_to)
        )
    if status.reason is not None and pending is None:
        return f"no: {why_not_refreshable(found.record) or status.message}"
    if pending is not None:
        return _describe_pending(status, pending, now)
    when = "automatic" if status.is_valid else "at the next use"
    return f"{when} (refresh token {status.refresh_fingerprint})"


def _describe_pending(status: LoginStatus, pending: PendingStatus, now: float) -> str:
    sender = f"{pending.host}:{pending.pid}" if pending.pid else pending.host
    if pending.in_progress:
        return f"in progress since {format_duration(now - pending.started_at)} by {sender}"
    then = "then it is sent again" if status.refreshable else "then a new sign-in"
    if not status.is_valid:
        then = "it is sent again at the next use" if status.refreshable else "a new sign-in is required"
        token = "the token has expired"
    else:
        token = f"the token is valid until {format_deadline(status.expires_at or now, now)}"
    return f"unconfirmed since {format_time(pending.started_at)} (sending {pending.sending}); {token}, {then}"
