"""The doctor's look at the service: its addresses, whether it answers, and what time it has."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, doubtful, good, wrong
from traktauth.cli.durations import in_words
from traktauth.errors import TryLater
from traktauth.flow.effects import NoReply
from traktauth.wire.messages import USER_AGENT, Request

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.protocol import Service
    from traktauth.wire.messages import Reply

_TOLERATED = 60.0  # seconds that two clocks may differ by


def check_service(settings: Settings, *, offline: bool) -> list[Finding]:
    """Look at the service, and at this machine's clock beside the service's."""
    try:
        service = settings.find_service()
    except ValueError as error:
        return [wrong("service", error, "Set TRAKTAUTH_SERVICE, or give --service")]
    findings = [good("service", f"{service.name}: sign-in at {service.website}, tokens at {service.token}")]
    if settings.insecure and "http://" in f"{service.website} {service.token} {service.api}":
        findings.append(
            doubtful("service", "Tokens are sent in clear (http://)", "Use https://, and unset TRAKTAUTH_INSECURE")
        )
    return findings if offline else findings + _ask(service)


def _ask(service: Service) -> list[Finding]:
    from traktauth.client.http import new_client, send  # noqa: PLC0415 - only where something is sent

    began = time.time()
    with new_client(keep=False) as client:
        reply = send(client, Request("GET", f"{service.token}/", {"User-Agent": USER_AGENT}))
    if isinstance(reply, NoReply):
        error = TryLater(f"{service.token} could not be reached: {reply.reason}")
        return [wrong("service", error, "Look at this machine's network, then: traktauth doctor")]
    return [good("service", f"{service.token} answers"), _clock(reply, (began + time.time()) / 2)]


def _clock(reply: Reply, now: float) -> Finding:
    """Compare this machine's clock with the `Date` of an answer."""
    try:
        theirs = parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return good("clock", "the service does not say what time it has")
    ahead = now - theirs
    if abs(ahead) <= _TOLERATED:
        return good("clock", "as the service's")
    return doubtful(
        "clock",
        f"This machine's clock is {in_words(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the service's",
        "Set it: timedatectl set-ntp true, or your system's time settings",
    )
