"""Check the service: its addresses, whether it answers, and this machine's clock beside its own."""

from __future__ import annotations

import time
from contextlib import closing
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.cli.times import format_duration, format_time
from traktauth.client.http import is_on_this_machine
from traktauth.client.http_clients import HttpClients
from traktauth.flow.effects import NoResponse
from traktauth.hints import DOCTOR_COMMAND, Hint
from traktauth.models.refresh_window import IMPLAUSIBLE
from traktauth.protocol import SERVICES
from traktauth.wire.messages import Request
from traktauth.wire.user_agent import USER_AGENT

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.models import Record
    from traktauth.protocol import Service
    from traktauth.wire.messages import Response


def check_service(settings: Settings, *, offline: bool) -> list[Finding]:
    """Look at the service, and at this machine's clock beside the service's."""
    try:
        service = settings.find_service()
    except ValueError as error:
        return [error_finding("service", error, "Set TRAKTAUTH_SERVICE, or give --service")]
    findings = [good("service", f"{service.name}: sign-in at {service.website}, tokens at {service.token}")]
    if settings.insecure and "http://" in f"{service.website} {service.token} {service.api}":
        findings.append(
            warning(
                "service", "Tokens are sent without encryption (http://)", "Use https://, and unset TRAKTAUTH_INSECURE"
            )
        )
    if service.name == "trakt":
        findings.append(
            good(
                "service",
                "Trakt documents the host auth.trakt.tv since July 2026; to use it (same login): "
                "TRAKTAUTH_SERVICE=auth.trakt.tv",
            )
        )
    return findings if offline else findings + _ask(service)


def _ask(service: Service) -> list[Finding]:
    began = time.time()
    with closing(HttpClients()) as clients:
        reply = clients.send(Request("GET", f"{service.token}/", {"User-Agent": USER_AGENT}))
    if isinstance(reply, NoResponse):
        error = reply.error(service.token)
        look = "Look at" if service.name in SERVICES else "Check TRAKTAUTH_SERVICE and"
        fix = "" if reply.code else Hint(f"{look} this machine's network, then: ", DOCTOR_COMMAND)
        return [error_finding("service", error, fix)]
    return [good("service", f"{service.token} answers"), check_clock(reply, (began + time.time()) / 2)]


_SERVICE_TOLERANCE = 60.0  # seconds that this clock and the service's may differ by
_HISTORY_TOLERANCE = 120.0  # seconds that two machines' clocks may differ by
_SET_CLOCK = "Set it: timedatectl set-ntp true, or your system's time settings"


def check_clock(reply: Response, now: float) -> Finding:
    """Compare this machine's clock with the `Date` of an answer."""
    try:
        theirs = parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return good("clock", "the service sends no time")
    ahead = now - theirs
    if abs(ahead) <= _SERVICE_TOLERANCE:
        return good("clock", "as the service's")
    return warning(
        "clock",
        f"This machine's clock is {format_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the service's",
        _SET_CLOCK,
    )


def check_history_clock(record: Record, now: float, realm: str) -> list[Finding]:
    """Find clocks that were wrong from the times in a login's history.

    The clock of a local Trakt can be moved, so that it differs from this machine's says nothing about the latter.
    """
    token = record.token
    findings: list[Finding] = []
    for earlier, later in pairwise(record.history):
        if earlier.saved_at - later.saved_at > _HISTORY_TOLERANCE:
            gap = format_duration(earlier.saved_at - later.saved_at)
            what = f"Generation {later.generation} was saved {gap} before generation {earlier.generation}: a clock was "
            findings.append(warning("clock", f"{what}set back, or the clocks of two machines differ", _SET_CLOCK))
            break
    if token is None:
        return findings
    issued_at = token.expires_at - token.expires_in
    behind = ""
    if issued_at - now > IMPLAUSIBLE and issued_at > record.saved_at + IMPLAUSIBLE:  # a token that was adopted
        behind = f"{format_duration(issued_at - now)} behind the time of the token, {format_time(issued_at)}"
    elif record.saved_at - now > _HISTORY_TOLERANCE or issued_at - now > IMPLAUSIBLE:
        ahead = max(record.saved_at, issued_at) - now
        behind = f"{format_duration(ahead)} behind the one that saved the login ({format_time(record.saved_at)})"
    if behind:
        findings.append(warning("clock", f"This machine's clock is {behind}", _SET_CLOCK))
    skew = 0.0 if token.created_at is None else token.expires_at - token.expires_in - token.created_at
    if abs(skew) > _HISTORY_TOLERANCE and not is_on_this_machine(realm):
        host = record.history[-1].host if record.history else None
        whose = f"The clock of {host}" if host else "The clock of the machine that signed in"
        side = "ahead of" if skew > 0 else "behind"
        what = f"{whose} was {format_duration(abs(skew))} {side} Trakt's when the token came"
        findings.append(warning("clock", f"{what}, so it is taken to end that much too {_end(skew)}", _SET_CLOCK))
    return findings


def _end(skew: float) -> str:
    return "late" if skew > 0 else "early"
