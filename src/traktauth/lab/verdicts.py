"""From what was seen of a program in one scenario to a verdict; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

CONTROL = "single"
EXPIRED_LOSS = "lost-response-expired"
KEEPS = "keeps its login"
LOSES = "would lose a login"
NOT_JUDGED = "not judged"
RETRY = (
    "Save before a refresh that the refresh token has been used. If its response is lost, use the access token while "
    "it is valid, and do not send the refresh token again."
)
FIXES = {
    "race": "Lock the login while you refresh, and read it again under the lock: another copy may have refreshed.",
    "lost-response": RETRY,
    EXPIRED_LOSS: RETRY,
    "timeout": RETRY,
    "reset": RETRY,
    "kill": RETRY,
    "kill-at-use": "Save the new token before you use it, in a new file that replaces the old one.",
    "unavailable": "Keep the login after every response but an OAuth error, and try again later.",
    "api-outage": "Save the new token at once, whatever the API answers afterwards.",
    "weeks": "Save the refresh token of each response: the one before works no longer.",
}
"""What to change in a program that loses its login in a scenario."""


class Verdict(StrEnum):
    """What became of the login in one scenario."""

    KEPT = "kept"
    LOST = "lost"
    HARMED = "harmed"
    UNAVOIDABLE = "unavoidable"
    NOT_JUDGED = "not-judged"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen in one scenario.

    Attributes:
        name: the scenario's.
        exits: the exit status of each run, the last run's last.
        is_signed_in: whether the last run exited with 0 and the API answered it with 200.
        second_device: whether the other device of the same user can still refresh.
        refreshes: how many refresh requests the program sent.
        sent_again: how often one refresh token was sent once more before the last run.
        rotations: how many refreshes the local Trakt carried out.
        replays: how often it was sent a refresh token that had been used.
        families_killed: how often it ended all of a user's tokens therefore.
        note: what the numbers do not say; empty if nothing.
        advice: what the program was refused, and how to change that.
    """

    name: str
    exits: tuple[int, ...]
    is_signed_in: bool
    second_device: bool
    refreshes: int
    sent_again: int
    rotations: int
    replays: int
    families_killed: int
    note: str = ""
    advice: tuple[str, ...] = ()


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict of one scenario, without a view to the control."""
    if evidence.refreshes == 0:
        return Verdict.KEPT if evidence.name == CONTROL and evidence.is_signed_in else Verdict.NOT_JUDGED
    if evidence.is_signed_in and evidence.second_device:
        return Verdict.KEPT
    if evidence.name == EXPIRED_LOSS and evidence.sent_again <= 1:
        return Verdict.UNAVOIDABLE
    return Verdict.HARMED if evidence.is_signed_in else Verdict.LOST


def conclude(verdicts: Sequence[tuple[str, Verdict]], reason: str = "") -> str:
    """Return the verdict of the whole run, one line.

    Args:
        verdicts: each scenario's name and verdict.
        reason: why nothing was judged, if that is known.
    """
    bad = [name for name, verdict in verdicts if verdict in (Verdict.LOST, Verdict.HARMED)]
    if bad:
        return f"{LOSES}: {', '.join(bad)}"
    kept = [name for name, verdict in verdicts if verdict in (Verdict.KEPT, Verdict.UNAVOIDABLE) and name != CONTROL]
    if kept:
        return KEEPS
    return f"{NOT_JUDGED}: {reason or 'no scenario led to a refresh'}"
