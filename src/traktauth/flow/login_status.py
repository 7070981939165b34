"""The status of a login: what it can do, from its record alone. Nothing is sent, and nothing is refreshed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from traktauth.errors import StoreFailed
from traktauth.flow.context import FlowContext, LostReply
from traktauth.flow.effects import Flow, Load, LoadAccounts
from traktauth.flow.moved_login import check_not_moved
from traktauth.flow.refresh_policy import not_refreshable
from traktauth.models import LoginKey, Record, Sender, fingerprint
from traktauth.timeouts import LEASE


class LoginState(StrEnum):
    """What a login can do, in a word for programs."""

    NEVER = "never"  # no user has signed in
    SIGNED_OUT = "signed-out"
    MOVED = "moved"  # to another store
    VALID = "valid"  # and refreshed when it must be
    VALID_NOT_REFRESHABLE = "valid-not-refreshable"  # a sign-in is required when it expires
    EXPIRED = "expired"  # and refreshed at its next use
    SIGN_IN_REQUIRED = "sign-in-required"
    UNREADABLE = "unreadable"  # its record is damaged, or encrypted with a missing key


@dataclass(frozen=True, slots=True)
class PendingStatus:
    """A refresh token that was sent, or a move that was begun, without an outcome so far.

    Attributes:
        kind: `refresh`, or `move` while the login is moved to another store.
        sending: 1 for the first sending of this refresh token.
        started_at: Unix seconds, by the sender's clock.
        host: the sender's host.
        pid: the sender's process id; 0 if it is not known.
        in_progress: whether the sender may still get its response; else the outcome is unknown.
        moving_to: the address of the other store, for a move.
    """

    kind: Literal["refresh", "move"]
    sending: int
    started_at: float
    host: str
    pid: int
    in_progress: bool
    moving_to: str | None = None


@dataclass(frozen=True, slots=True)
class LoginStatus:
    """One login, as its store has it.

    Attributes:
        account: the user's own name for the account.
        service: the service's realm: `trakt`, `staging`, or a base address's origin.
        client_id: the app's id.
        state: what the login can do.
        username: the Trakt user's name; None if it is not known.
        uuid: the Trakt user's stable id; None if it is not known.
        expires_at: Unix seconds when the access token expires; None without a token.
        refreshable: whether a refresh is sent when the token needs one.
        reason: why it is not: `never`, `signed-out`, `moved`, `expired`, `revoked` or `reply-lost`, as in
            `LoginRequired.reason`, or `unreadable`; None if it is.
        message: the same as a sentence; None if it is.
        pending: a refresh or a move without an outcome so far.
        generation: counts the tokens of this login; it only grows.
        fingerprint: stands for the access token; None without one.
        refresh_fingerprint: stands for the refresh token; None without one.
        saved_at: Unix seconds when the token was saved; None without one.
        moved_to: the address of the store that the login was moved to.
    """

    account: str
    service: str
    client_id: str
    state: LoginState
    username: str | None
    uuid: str | None
    expires_at: float | None
    refreshable: bool
    reason: str | None
    message: str | None
    pending: PendingStatus | None
    generation: int
    fingerprint: str | None
    refresh_fingerprint: str | None
    saved_at: float | None
    moved_to: str | None

    @property
    def needs_login(self) -> bool:
        """Whether nothing but a sign-in helps."""
        return self.state in {LoginState.NEVER, LoginState.SIGNED_OUT, LoginState.SIGN_IN_REQUIRED}

    @property
    def is_valid(self) -> bool:
        """Whether the access token can be used now."""
        return self.state in {LoginState.VALID, LoginState.VALID_NOT_REFRESHABLE}


def login_status(
    login: LoginKey, record: Record, *, now: float, lost_reply: LostReply, is_running: Callable[[Sender], bool | None]
) -> LoginStatus:
    """Return what a login can do.

    Args:
        login: its key.
        record: as the store has it.
        now: Unix seconds.
        lost_reply: what happens to a refresh whose response was lost.
        is_running: whether the process that began a refresh is running; None: that cannot be known.
    """
    token, user = record.token, record.user
    pending = _pending(record, now, is_running)
    reason, message = _refusal(record, pending, lost_reply)
    is_valid = token is not None and token.expires_at > now and record.rejected_at is None
    return LoginStatus(
        account=login.account,
        service=login.realm,
        client_id=login.client_id,
        state=_state(record, is_valid=is_valid, refreshable=reason is None),
        username=None if user is None else user.username,
        uuid=None if user is None else user.uuid,
        expires_at=None if token is None else token.expires_at,
        refreshable=reason is None,
        reason=reason,
        message=message,
        pending=pending,
        generation=record.generation,
        fingerprint=None if token is None else token.fingerprint,
        refresh_fingerprint=None if token is None or not token.refresh_token else fingerprint(token.refresh_token),
        saved_at=None if token is None else record.saved_at or None,
        moved_to=record.moved_to,
    )


def unreadable_status(login: LoginKey, error: StoreFailed) -> LoginStatus:
    """Return the status of a login whose record cannot be read."""
    return LoginStatus(
        account=login.account,
        service=login.realm,
        client_id=login.client_id,
        state=LoginState.UNREADABLE,
        username=None,
        uuid=None,
        expires_at=None,
        refreshable=False,
        reason="unreadable",
        message=error.message,
        pending=None,
        generation=0,
        fingerprint=None,
        refresh_fingerprint=None,
        saved_at=None,
        moved_to=None,
    )


def _pending(record: Record, now: float, is_running: Callable[[Sender], bool | None]) -> PendingStatus | None:
    """Return the refresh or move without an outcome; the refresh of a login that has ended has one."""
    pending_refresh = record.pending_refresh
    if pending_refresh is None or not (record.refreshable or pending_refresh.is_move):
        return None
    recent = 0 <= now - pending_refresh.started_at < LEASE
    return PendingStatus(
        kind="move" if pending_refresh.is_move else "refresh",
        sending=pending_refresh.sending,
        started_at=pending_refresh.started_at,
        host=pending_refresh.sender.host,
        pid=pending_refresh.sender.pid,
        in_progress=recent and not pending_refresh.unconfirmed and is_running(pending_refresh.sender) is not False,
        moving_to=pending_refresh.moving_to,
    )


def _refusal(
    record: Record, pending: PendingStatus | None, lost_reply: LostReply
) -> tuple[str, str] | tuple[None, None]:
    """Return why no refresh is sent when the token needs one, as a word and as a sentence."""
    if record.moved_to is not None:
        return "moved", "This login was moved to another store"
    if record.token is None:
        if record.generation:
            return "signed-out", "This account is signed out"
        return "never", "This account has no login"
    problem = not_refreshable(record)
    if problem is not None:
        return problem.reason, problem.message
    if pending is not None and pending.kind == "move":
        return "moved", "This login is being moved to another store"
    if pending is not None and lost_reply == "sign-in" and not pending.in_progress:
        return "reply-lost", "The response to the last refresh was lost, and the settings forbid to send it again"
    return None, None


def _state(record: Record, *, is_valid: bool, refreshable: bool) -> LoginState:
    if record.moved_to is not None:
        return LoginState.MOVED
    if record.token is None:
        return LoginState.SIGNED_OUT if record.generation else LoginState.NEVER
    if is_valid:
        return LoginState.VALID if refreshable else LoginState.VALID_NOT_REFRESHABLE
    return LoginState.EXPIRED if refreshable else LoginState.SIGN_IN_REQUIRED


def read_status(
    context: FlowContext, login: LoginKey, *, is_running: Callable[[Sender], bool | None], may_be_moved: bool = False
) -> Flow[LoginStatus]:
    """Return the status of one login.

    Args:
        context: the context.
        login: its key.
        is_running: see `login_status`.
        may_be_moved: return the status of a login that another store has, too.

    Raises:
        LoginMoved: another store has the login.
        StoreFailed: the store cannot be read.
    """
    record = yield from Load()
    if not may_be_moved:
        check_not_moved(record)
    return _to_status(context, login, record, is_running)


def read_accounts(context: FlowContext, *, is_running: Callable[[Sender], bool | None]) -> Flow[list[LoginStatus]]:
    """Return the status of every account, those whose record cannot be read included."""
    found = yield from LoadAccounts()
    return [_to_status(context, login, record, is_running) for login, record in found]


def _to_status(
    context: FlowContext, login: LoginKey, record: Record | StoreFailed, is_running: Callable[[Sender], bool | None]
) -> LoginStatus:
    if isinstance(record, StoreFailed):
        return unreadable_status(login, record)
    return login_status(login, record, now=context.clock(), lost_reply=context.lost_reply, is_running=is_running)
