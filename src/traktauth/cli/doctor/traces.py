"""What a login's trail gives away: two machines at one file, a copy, a clock that is wrong."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, doubtful
from traktauth.cli.durations import in_words, moment
from traktauth.flow.windows import IMPLAUSIBLE

if TYPE_CHECKING:
    from traktauth.cli.standing import Standing
    from traktauth.models import Record

_TOLERATED = 120.0  # seconds that two machines' clocks may differ by
_SET_IT = "Set it: timedatectl set-ntp true, or your system's time settings"
_SHARE = (
    "Let machines share a store that is made for it (traktauth store move FROM redis://… or postgresql://…), "
    "or let each sign in under an account of its own"
)


def check_traces(standing: Standing, *, on_one_machine: bool, host: str) -> list[Finding]:
    """Look at who wrote a login, and when.

    Args:
        standing: the login.
        on_one_machine: whether the store is a file, which no lock shares between machines.
        host: the name of this machine.
    """
    findings = _clocks(standing)
    if on_one_machine:
        findings += _writers(f"{standing.login.account} at {standing.login.realm}", standing.record, host)
    return findings


def _writers(name: str, record: Record, host: str) -> list[Finding]:
    hosts = writers(record)
    others = sorted(set(hosts) - {host})
    if not others:
        return []
    if len(hosts) > len(set(hosts)):
        found = (
            f"{name} is renewed by several machines by turns ({', '.join(sorted(set(hosts)))}), but a file has no lock "
        )
        return [doubtful("login", f"{found}that reaches over machines: two that renew at once end the login", _SHARE)]
    if hosts[-1] != host:
        found = f"{name} was last renewed by {hosts[-1]}, and this is {host}: the store was copied from there, or the "
        found += "machine's name has changed. A copy that is used in both places ends the login in both"
    else:
        found = (
            f"{name} was renewed by {', '.join(others)} before; if the store is still used there, both end the login"
        )
    return [doubtful("login", found, _SHARE)]


def writers(record: Record) -> list[str]:
    """Return the machines that renewed a login, in order; one that stays at it stands once."""
    names = [trace.by for trace in record.trail]
    if record.renewal is not None:
        names.append(record.renewal.by)
    hosts = [name.rpartition(", ")[2].rpartition(":")[0] for name in names if name]  # a mover's name says where to
    return [host for host, _ in groupby(hosts)]


def _clocks(standing: Standing) -> list[Finding]:
    record = standing.record
    token = record.token
    findings: list[Finding] = []
    for earlier, later in pairwise(record.trail):
        if earlier.at - later.at > _TOLERATED:
            what = (
                f"Generation {later.generation} was saved {in_words(earlier.at - later.at)} before the one before it: "
            )
            findings.append(doubtful("clock", what + "a clock was set back, or those of two machines differ", _SET_IT))
            break
    if token is None:
        return findings
    ahead = max(record.saved_at - standing.now, token.expires_at - standing.now - token.expires_in)
    if record.saved_at - standing.now > _TOLERATED or ahead > IMPLAUSIBLE:
        who = f"behind the one that saved the login ({moment(record.saved_at)})"
        findings.append(doubtful("clock", f"This machine's clock is {in_words(ahead)} {who}", _SET_IT))
    skew = 0.0 if token.created_at is None else token.expires_at - token.expires_in - token.created_at
    if abs(skew) > _TOLERATED:
        by = record.trail[-1].by.rpartition(":")[0] if record.trail else ""
        whose = f"The clock of {by}" if by else "The clock of whoever signed in"
        side = "ahead of" if skew > 0 else "behind"
        what = f"{whose} was {in_words(abs(skew))} {side} Trakt's when the token came"
        findings.append(doubtful("clock", f"{what}, so it is taken to end that much too {_end(skew)}", _SET_IT))
    return findings


def _end(skew: float) -> str:
    return "late" if skew > 0 else "early"
