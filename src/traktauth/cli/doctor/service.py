"""Check the service: its addresses, whether it answers, and this machine's clock beside its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime

from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.cli.times import format_duration
from traktauth.client.http_clients import HttpClients
from traktauth.client.settings import Settings
from traktauth.flow.effects import NoResponse
from traktauth.hints import DOCTOR_COMMAND, Hint
from traktauth.protocol import SERVICES, Service
from traktauth.wire.messages import USER_AGENT, Request, Response

_TOLERANCE = 60.0  # seconds that this clock and the service's may differ by
SET_CLOCK = "Set it: timedatectl set-ntp true, or your system's time settings"


def check_service(settings: Settings, *, offline: bool) -> Iterator[Finding]:
    """Look at the service, and at this machine's clock beside the service's."""
    try:
        service = settings.find_service()
    except ValueError as error:
        yield error_finding("service", error, "Set TRAKTAUTH_SERVICE, or give --service")
        return
    yield good("service", f"{service.name}: sign-in at {service.website}, tokens at {service.token}")
    if settings.insecure and "http://" in f"{service.website} {service.token} {service.api}":
        what = "Tokens are sent without encryption (http://)"
        yield warning("service", what, "Use https://, and unset TRAKTAUTH_INSECURE")
    if service.name == "trakt":
        newer = "Trakt documents the host auth.trakt.tv since July 2026; to use it (same login): "
        yield good("service", f"{newer}TRAKTAUTH_SERVICE=auth.trakt.tv")
    if not offline:
        yield from _ask(service)


def _ask(service: Service) -> Iterator[Finding]:
    began = time.time()
    with closing(HttpClients()) as clients:
        reply = clients.send(Request("GET", f"{service.token}/", {"User-Agent": USER_AGENT}))
    if isinstance(reply, NoResponse):
        look = "Look at" if service.name in SERVICES else "Check TRAKTAUTH_SERVICE and"
        fix = "" if reply.code else Hint(f"{look} this machine's network, then: ", DOCTOR_COMMAND)
        yield error_finding("service", reply.error(service.token), fix)
        return
    yield good("service", f"{service.token} answers")
    yield _check_clock(reply, (began + time.time()) / 2)


def _check_clock(reply: Response, now: float) -> Finding:
    """Compare this machine's clock with the `Date` of an answer."""
    try:
        ahead = now - parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return good("clock", "the service sends no time")
    if abs(ahead) <= _TOLERANCE:
        return good("clock", "as the service's")
    what = (
        f"This machine's clock is {format_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the service's"
    )
    return warning("clock", what, SET_CLOCK)
