"""What a store keeps of one login, and of one app: the last probe of its token endpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Literal

from traktauth.errors import LoginRequiredReason
from traktauth.models.app import App
from traktauth.models.token import Token
from traktauth.models.token_digests import NO_DIGESTS, TokenDigests

FORMAT = 3

ProbeOutcome = Literal["pending", "healthy", "failed", "limited", "rejected"]


@dataclass(frozen=True, slots=True)
class Probe:
    """A refresh request with a made-up refresh token, which spends nothing, and what came of it.

    Attributes:
        at: Unix seconds, by the clock of the process that made it: when it was begun, then when it ended.
        outcome: "pending" until it has ended; "healthy" if the token endpoint works; "limited" after a 429; "rejected"
            if the app was; else "failed".
        wait: seconds after `at` in which no other probe is made.
        failures: failed probes in a row.
        reason: why the endpoint does not count as healthy, without a secret; empty if it does.
    """

    at: float
    outcome: ProbeOutcome
    wait: float
    failures: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """A Trakt user.

    Attributes:
        username: as Trakt writes it; the user may change it.
        uuid: stays the same (`user.ids.uuid`); None if Trakt gave none.
    """

    username: str
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class LoginKey:
    """The key of a login: whose tokens these are, for which app, where.

    Attributes:
        realm: the service's realm (`trakt`, `staging`, or a base address's origin).
        client_id: the app's id.
        account: the user's own name for the account.
    """

    realm: str
    client_id: str
    account: str

    def __lt__(self, other: LoginKey) -> bool:
        mine, theirs = (self.realm, self.client_id, self.account), (other.realm, other.client_id, other.account)
        return mine < theirs


def app_entry(login: LoginKey) -> LoginKey:
    """Return the key of what a store keeps for an app at a service; no login has it, as an account has a name."""
    return LoginKey(login.realm, login.client_id, "")


def erased_entry(login: LoginKey) -> LoginKey:
    """Return the key of what stays of a login that was erased: a digest, and no name; no login has it."""
    name = json.dumps([login.realm, login.client_id, login.account])
    return LoginKey("", sha256(name.encode()).hexdigest(), "")


@dataclass(frozen=True, slots=True)
class Sender:
    """A process that sends a refresh, or moves a login to another store.

    Attributes:
        host: the host's name.
        pid: the process's id; 0 if it is not known.
        started: when the process started, in the kernel's clock ticks since it was booted; None if not known.
        boot_id: names one run of the host's kernel; None if not known.
        pid_namespace: names the kernel's table that `pid` is of, as each container has its own; None if not known.
    """

    host: str
    pid: int = 0
    started: int | None = None
    boot_id: str | None = None
    pid_namespace: str | None = None

    def __str__(self) -> str:
        """Return host and process id."""
        return process_name(self.host, self.pid)


def process_name(host: str, pid: int) -> str:
    """Return a process's host and id as one text."""
    return f"{host}:{pid}" if pid else host


@dataclass(frozen=True, slots=True)
class PendingRefresh:
    """A pending refresh: its token may be spent, and no response has been saved.

    Attributes:
        generation: of the token that was sent.
        sending: 1 for the first sending, one more for each that `lost_reply` or `refresh --force` allowed.
        started_at: Unix seconds, by the clock of the sender.
        sender: the process that sends.
        moving_to: the address of the store that the login is being moved to, during which no refresh is sent; else
            None.
        unconfirmed: whether the sender itself has found that the outcome of this sending is unknown.
    """

    generation: int
    sending: int
    started_at: float
    sender: Sender
    moving_to: str | None = None
    unconfirmed: bool = False

    @property
    def is_move(self) -> bool:
        """Whether it keeps refreshes from being sent while the login is moved to another store."""
        return self.moving_to is not None


class HistoryOutcome(StrEnum):
    """What became of a token in a login's history."""

    SENT = "sent"  # its refresh token was sent, and no response was saved
    REFRESHED = "refreshed"
    SIGNED_IN = "signed-in"  # a new sign-in replaced it
    SIGNED_OUT = "signed-out"
    MOVED = "moved"  # to another store
    IMPORTED = "imported"  # another store's token replaced it
    ROLLED_BACK = "rolled-back"  # the store lost it, as with a restored backup
    NOT_REFRESHABLE = "not-refreshable"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One generation in a login's history, so that *why was I logged out?* has an answer.

    Attributes:
        generation: which token.
        fingerprint: of its access token.
        saved_at: Unix seconds when it was saved, by the clock of the process that saved it.
        host: the host that refreshed to it; None for a sign-in.
        pid: that process's id; 0 if it is not known.
        outcome: what became of it; None while nothing has.
        detail: the address of the other store (`MOVED`), the reason (`NOT_REFRESHABLE`), or None.
        ended_at: Unix seconds when it was found that it cannot be refreshed; None if it can, or if that is not known.
        rolled_back_to: the generation that the store had gone back to when this one was saved (0: it was empty), as
            after a restored backup or a failover; None if it had not.
    """

    generation: int
    fingerprint: str
    saved_at: float
    host: str | None = None
    pid: int = 0
    outcome: HistoryOutcome | None = None
    detail: str | None = None
    rolled_back_to: int | None = None
    ended_at: float | None = None

    @property
    def process(self) -> str | None:
        """The host and process id that refreshed to it; None for a sign-in."""
        return None if self.host is None else process_name(self.host, self.pid)


@dataclass(frozen=True, slots=True)
class Record:
    """All that is kept of one login.

    Attributes:
        generation: of the newest token; it only grows, also over a sign-out and a new sign-in.
        token: the token, or None before a sign-in and after a sign-out.
        refreshable: whether the refresh token may be used.
        not_refreshable_reason: why it may not, in words for the user.
        login_required_reason: the `reason` of the `LoginRequired` that follows; None for `revoked`.
        ended_at: Unix seconds when it was found that the token must not be refreshed; None if it may, or if that is
            not known.
        ended_with: Trakt's own words for that; None if it sent none.
        pending_refresh: a refresh that was sent and whose response was not saved, or None.
        saved_at: Unix seconds when the token was saved, by the clock of the process that saved it.
        moved_to: the address of the store that the login was moved to; this one keeps no token then.
        history: the last generations, oldest first.
        rejected_at: Unix seconds when the access token of this generation was found to be rejected by the API; None if
            it was not. Such a token is not used any more.
        replaced_rejected_at: `rejected_at` of the generation that this one was refreshed from; None if it had none.
        user: whose login this is; None if that is not known.
        probe: the last probe, in the entry of an app (`app_entry`) alone.
        digests: of what programs may hold of this login.
        app: the app as a program has named it that uses this login through `traktauth proxy`; None without one.
    """

    generation: int = 0
    token: Token | None = None
    refreshable: bool = True
    not_refreshable_reason: str | None = None
    pending_refresh: PendingRefresh | None = None
    saved_at: float = 0.0
    moved_to: str | None = None
    history: tuple[HistoryEntry, ...] = field(default=(), compare=False)  # not part of the state
    rejected_at: float | None = None
    replaced_rejected_at: float | None = None
    user: User | None = None
    probe: Probe | None = None
    login_required_reason: LoginRequiredReason | None = None
    ended_at: float | None = None
    ended_with: str | None = None
    digests: TokenDigests = field(default=NO_DIGESTS, compare=False)  # nor is this
    app: App | None = None

    @property
    def has_foreign_digests(self) -> bool:
        """Whether it is not known that the digests are of the user who has signed in last."""
        user = None if self.user is None else self.user.uuid
        return self.token is not None and self.digests.user not in (None, user)


EMPTY = Record()
