"""`traktauth doctor`: what is wrong, and the command that mends it."""

from __future__ import annotations

import sys

import click

from traktauth.cli.doctor.app import check_app
from traktauth.cli.doctor.configuration import check_settings
from traktauth.cli.doctor.findings import Finding, Level
from traktauth.cli.doctor.logins import check_logins
from traktauth.cli.doctor.service import check_service
from traktauth.cli.doctor.store import check_store
from traktauth.cli.exits import DONE
from traktauth.cli.place import Place, placed
from traktauth.cli.stream import emit, emit_json, paint

FORMAT = 1
_MARKS = {Level.GOOD: ("✓", "green"), Level.DOUBTFUL: ("!", "yellow"), Level.WRONG: ("✗", "red")}


@click.command("doctor")
@placed
@click.option("--offline", is_flag=True, help="Send nothing: leave the service and its clock out.")
def command(place: Place, *, offline: bool) -> int:
    """Look at the settings, the app, the service, the store, the clock and permissions.

    Each thing that is wrong comes with the command that mends it. Secrets are shown as length and fingerprint. The
    exit status is that of the first thing that is wrong (3 for the app, 5 for the service, …), 0 where nothing is.
    """
    findings = examine(place, offline=offline)
    if place.json:
        emit_json({"format": FORMAT, "findings": [each.document() for each in findings]})
    else:
        for each in findings:
            _show(each)
    return next((each.status for each in findings if each.level is Level.WRONG), DONE)


def examine(place: Place, *, offline: bool) -> list[Finding]:
    """Return what was found; what cannot be looked at because of something else is left out."""
    findings, settings = check_settings(place)
    if settings is None:
        return findings
    findings += check_app(settings)
    findings += check_service(settings, offline=offline)
    found, store = check_store(settings)
    findings += found
    if store is not None:
        findings += check_logins(place, settings, store)
    return findings


def _show(finding: Finding) -> None:
    sign, colour = _MARKS[finding.level]
    emit(f"{paint(sign, colour, sys.stdout)} {finding.about:<8} {finding.what}")
    if finding.mend:
        emit(f"           {paint('→', 'cyan', sys.stdout)} {finding.mend}")
