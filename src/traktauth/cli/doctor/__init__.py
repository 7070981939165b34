"""`traktauth doctor`: what is wrong, and the command that mends it."""

from __future__ import annotations

import sys
from contextlib import closing

import click

from traktauth.cli.doctor.app import check_app
from traktauth.cli.doctor.configuration import check_settings
from traktauth.cli.doctor.findings import Finding, Level
from traktauth.cli.doctor.history import document, unread
from traktauth.cli.doctor.logins import check_logins
from traktauth.cli.doctor.service import check_service
from traktauth.cli.doctor.store import check_store, unusable
from traktauth.cli.exits import DONE
from traktauth.cli.looking import Seen, look
from traktauth.cli.notes import warnings_hushed
from traktauth.cli.place import Place, placed
from traktauth.cli.stream import emit, emit_json, paint
from traktauth.errors import StoreFailed

FORMAT = 1
_MARKS = {Level.GOOD: ("✓", "green"), Level.DOUBTFUL: ("!", "yellow"), Level.WRONG: ("✗", "red")}


@click.command("doctor")
@placed
@click.option("--offline", is_flag=True, help="Send nothing: leave the service and its clock out.")
def command(place: Place, *, offline: bool) -> int:
    """Look at the settings, the app, the service, the store, the clock, permissions, and why a login has ended.

    Each thing that is wrong comes with the command that mends it, and each login with what its store remembers of it:
    a line for each pair, when it came, who renewed it, and how it ended. Secrets are shown as length and fingerprint.
    The exit status is that of the first thing that is wrong, marked ✗ (3 for the app, 5 for the service, …), else 0:
    what is marked ! may become a problem or is for the user, as a login that needs a sign-in. That has the exit status
    4 in: traktauth status
    """
    with warnings_hushed():
        findings, seen = examine(place, offline=offline)
    if place.json:
        documents = [each.document() for each in findings]
        logins = [*map(document, seen.standings), *map(unread, seen.unread)]
        emit_json({"format": FORMAT, "findings": documents, "logins": logins})
    else:
        for each in findings:
            _show(each)
    return next((each.status for each in findings if each.level is Level.WRONG), DONE)


def examine(place: Place, *, offline: bool) -> tuple[list[Finding], Seen]:
    """Return what was found, and the logins; what cannot be looked at because of something else is left out."""
    findings, settings = check_settings(place)
    if settings is None:
        return [each.aimed(place) for each in findings], Seen()
    findings += check_app(settings)
    findings += check_service(settings, offline=offline)
    found, store = check_store(settings)
    findings = [each.aimed(place) for each in findings + found]
    if store is None:
        return findings, Seen()
    with closing(store):
        try:
            seen = look(store, settings, place)
        except ValueError:
            seen = Seen()  # no such service, which has been found already
        except StoreFailed as error:
            seen = Seen()
            if all(each.level is not Level.WRONG for each in found):
                findings.append(unusable(error).aimed(place))
    return findings + check_logins(seen, store.address, place), seen


def _show(finding: Finding) -> None:
    sign, colour = _MARKS[finding.level]
    emit(f"{paint(sign, colour, sys.stdout)} {finding.about:<8} {finding.what}")
    if finding.mend:
        emit(f"           {paint('→', 'cyan', sys.stdout)} {finding.mend}")
    for line in finding.details:
        emit(f"             {line}")
