"""Check the service: its addresses, whether it answers, and the difference between its clock and this one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from traktauth.cli.doctor.clock import check_clock
from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.flow.effects import NoResponse
from traktauth.hints import DOCTOR_COMMAND, Hint
from traktauth.protocol import SERVICES
from traktauth.wire.messages import Request
from traktauth.wire.user_agent import USER_AGENT

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.protocol import Service


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
    from traktauth.client.http import new_client  # noqa: PLC0415 - only if something is sent
    from traktauth.client.http_exchange import send  # noqa: PLC0415 - the same

    began = time.time()
    with new_client(keep=False) as client:
        reply = send(client, Request("GET", f"{service.token}/", {"User-Agent": USER_AGENT}))
    if isinstance(reply, NoResponse):
        error = reply.error(service.token)
        look = "Look at" if service.name in SERVICES else "Check TRAKTAUTH_SERVICE and"
        fix = "" if reply.code else Hint(f"{look} this machine's network, then: ", DOCTOR_COMMAND)
        return [error_finding("service", error, fix)]
    return [good("service", f"{service.token} answers"), check_clock(reply, (began + time.time()) / 2)]
