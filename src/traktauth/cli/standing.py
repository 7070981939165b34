"""Where a login stands, by what is kept of it here: nothing is asked of Trakt."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from traktauth.cli.durations import in_words, moment, until
from traktauth.flow.terms import LEASE
from traktauth.models import fingerprint

if TYPE_CHECKING:
    from traktauth.flow.terms import LostReply
    from traktauth.models import Login
    from traktauth.models.record import Record

ENDED_IN_DOUBT = 2  # attempts after which nothing is sent by itself


class State(Enum):
    """What a login can do, in a word for programs."""

    NEVER = "never-signed-in"
    SIGNED_OUT = "signed-out"
    MOVED = "moved"
    GOOD = "good"
    ENDING = "good-until-it-ends"
    RENEWABLE = "ended-renewable"
    LOST = "sign-in-needed"


@dataclass(frozen=True, slots=True)
class Standing:
    """One login, as the store has it.

    Attributes:
        login: whose.
        record: what is kept.
        now: Unix seconds, by this machine's clock.
        lost_reply: what happens to an unconfirmed renewal.
    """

    login: Login
    record: Record
    now: float
    lost_reply: LostReply

    @property
    def lives(self) -> bool:
        """Whether the access token lives, by this machine's clock."""
        token = self.record.token
        return token is not None and token.expires_at > self.now

    @property
    def in_doubt(self) -> bool:
        """Whether a renewal is open: unconfirmed, or still under way."""
        return self.record.renewal is not None

    @property
    def under_way(self) -> bool:
        """Whether the open renewal may still get its answer: it is younger than the longest, and its process lives."""
        renewal = self.record.renewal
        return renewal is not None and 0 <= self.now - renewal.at < LEASE and not has_ended(renewal.by)

    @property
    def can_renew(self) -> bool:
        """Whether a renewal will be sent when the token needs one."""
        record = self.record
        if record.token is None or record.token.refresh_token is None or not record.renewable:
            return False
        renewal = record.renewal
        if renewal is None:
            return True
        if renewal.moving:
            return False
        if self.lost_reply == "resend":
            return True
        return self.lost_reply == "last-attempt" and renewal.attempt < ENDED_IN_DOUBT

    @property
    def state(self) -> State:
        """What this login can do."""
        if self.record.moved:
            return State.MOVED
        if self.record.token is None:
            return State.SIGNED_OUT if self.record.generation else State.NEVER
        if self.lives:
            return State.GOOD if self.can_renew else State.ENDING
        return State.RENEWABLE if self.can_renew else State.LOST

    @property
    def needs_login(self) -> bool:
        """Whether nothing but a sign-in helps."""
        return self.state in {State.NEVER, State.SIGNED_OUT, State.LOST}

    def token_line(self) -> str:
        """Tell of the access token."""
        token = self.record.token
        if token is None:
            return "none"
        if not self.lives:
            return f"{token.fingerprint}, ended {moment(token.expires_at)}"
        return f"{token.fingerprint}, good until {until(token.expires_at, self.now)}"

    def renewal_line(self) -> str:
        """Tell whether the token can be renewed, and if not, why."""
        record = self.record
        token = record.token
        if token is None:
            return "nothing to renew"
        if token.refresh_token is None:
            return "no: Trakt gave no refresh token"
        if not record.renewable:
            return f"no: {record.why_not}"
        if record.renewal is not None:
            return self._doubt()
        when = "by itself when it is used" if self.lives else "the next use renews it"
        return f"yes, {when} (refresh token {fingerprint(token.refresh_token)})"

    def _doubt(self) -> str:
        renewal = self.record.renewal
        if renewal is None:
            return ""
        if renewal.moving:
            since = moment(renewal.at)
            return f"no: it is being moved to {renewal.moving_to} since {since}; finish it: traktauth store move"
        if self.under_way:
            return f"being renewed since {in_words(self.now - renewal.at)} by {renewal.by}"
        then = "one last attempt, or a new sign-in" if self.can_renew else "a new sign-in"
        if self.lost_reply == "resend":
            then = "it is sent again"
        good = "the token has ended"
        if self.lives and self.record.token is not None:
            good = f"token good until {until(self.record.token.expires_at, self.now)}"
        return f"renewal unconfirmed since {moment(renewal.at)} (attempt {renewal.attempt}); {good}, then {then}"

    def document(self) -> dict[str, Any]:
        """Return what a program reads; fingerprints in the place of secrets."""
        record = self.record
        token = record.token
        return {
            **asdict(self.login),
            "state": self.state.value,
            "needs_login": self.needs_login,
            "generation": record.generation,
            "fingerprint": None if token is None else token.fingerprint,
            "refresh_fingerprint": fingerprint(token.refresh_token) if token and token.refresh_token else None,
            "expires_at": None if token is None else token.expires_at,
            "expires_in": None if token is None else round(token.expires_at - self.now),
            "saved_at": record.saved_at or None,
            "renewable": self.can_renew,
            "why_not": record.why_not,
            "moved": record.moved,
            "renewal": None if record.renewal is None else asdict(record.renewal),
        }


def has_ended(sender: str) -> bool:
    """Tell whether the process that sent a renewal (`host:pid`) is known to have ended: one of this machine."""
    host, _, pid = sender.rpartition(":")
    if os.name == "nt" or host != os.uname().nodename or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
