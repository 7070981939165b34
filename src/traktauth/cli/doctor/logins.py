"""The doctor's look at the logins: which of them need their user, why, and what their trails give away."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, Level, doubtful, good
from traktauth.cli.doctor.history import answer, story
from traktauth.cli.doctor.store import kind_and_path
from traktauth.cli.doctor.traces import check_traces
from traktauth.cli.standing import Standing, State

if TYPE_CHECKING:
    from traktauth.cli.looking import Seen, Unread
    from traktauth.cli.place import Place

_MOST = 20  # logins that are well and are shown one by one; a fleet's are counted


def check_logins(seen: Seen, address: str, place: Place) -> list[Finding]:
    """Look at logins; of those that are well, and of those that cannot be read, only the first are named."""
    on_one_machine = kind_and_path(address)[0] in {"file", "sqlite", "keyring"}
    findings: list[Finding] = []
    well = 0
    for standing in seen.standings:
        traces = check_traces(standing, on_one_machine=on_one_machine, host=this_host())
        mine = [each.aimed(place.about(standing.login)) for each in (_login(standing), *traces)]
        well += all(each.level is Level.GOOD for each in mine)
        findings += mine if well <= _MOST or mine[0].level is not Level.GOOD else mine[1:]
    if well > _MOST:
        findings.append(good("login", f"{well - _MOST} more are well; one of them: --account NAME"))
    return findings + _unread(seen.unread, place)


def _unread(logins: list[Unread], place: Place) -> list[Finding]:
    """Return a finding for each login that cannot be read."""
    findings = [
        Finding("login", Level.WRONG, f"{each.login.account} at {each.login.realm}: {each.why}", each.hint)
        for each in logins[:_MOST]
    ]
    if len(logins) > _MOST:
        more = f"{len(logins) - _MOST} more cannot be read"
        findings.append(Finding("login", Level.WRONG, more, place.aim("See which: traktauth status")))
    return findings


def this_host() -> str:
    """Return this machine's name, as renewals carry it."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "windows")


def _login(standing: Standing) -> Finding:
    name = f"{standing.login.account} at {standing.login.realm}"
    details = story(standing)
    why = answer(standing)
    if standing.state is State.MOVED:
        there = standing.record.moved
        mend = f"Use that store: --store {there}, or TRAKTAUTH_STORE"
        return doubtful("login", f"{name}: {why}", mend, details)
    if standing.needs_login:
        what = f"{name} needs a sign-in ({standing.state.value}){f': {why}' if why else ''}"
        return doubtful("login", what, "traktauth login", details)
    if (standing.in_doubt and not standing.under_way) or not standing.can_renew:
        what = f"{name}: {why or standing.renewal_line()}"
        return doubtful("login", what, "When the token ends: traktauth login", details)
    return good("login", f"{name}: token {standing.token_line()}, renewable", details)
