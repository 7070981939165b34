"""`traktauth doctor`: find what is wrong, and print the command that fixes it."""

from __future__ import annotations

from contextlib import closing

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.doctor.app import check_app_at_service, check_app_settings
from traktauth.cli.doctor.findings import Finding, is_any_wrong
from traktauth.cli.doctor.history import to_json
from traktauth.cli.doctor.logins import check_logins
from traktauth.cli.doctor.service import check_service
from traktauth.cli.doctor.store import check_settings, check_store, store_error_finding
from traktauth.cli.exit_codes import DONE
from traktauth.cli.inventory import Inventory, read_inventory
from traktauth.cli.log_output import suppress_warnings
from traktauth.cli.options import common_options
from traktauth.cli.output import BAD, GOOD, WARNING, print_data, print_hint, print_json
from traktauth.errors import StoreFailed

FORMAT = 1
_MARKS = {"good": GOOD, "doubtful": WARNING, "wrong": BAD}
_INDENT = 13  # columns before a detail of a finding, two more than before its text


@click.command("doctor", cls=Command)
@common_options()
@click.option("--offline", is_flag=True, help="Send nothing: skip the checks of the service, its clock and tokens.")
def command(options: CommonOptions, *, offline: bool) -> int:
    """Check the settings, the app, the service, the store, the clock and permissions, and explain why a login ended.

    Each problem comes with the command that fixes it, and each login with its history: a line for each token with its
    time, the process that refreshed it, and how it ended. Secrets are shown as length and fingerprint. The exit status
    is that of the first error, marked ✗ (3 for the app, 4 for a login that has ended, 5 for the service, …), else 0. A
    warning, marked !, may become a problem, or needs the user, such as an account that was never signed in.

    Examples:
        traktauth doctor
        traktauth doctor --account tv  # why did this login end?
        traktauth doctor --offline --json
    """
    with suppress_warnings():
        findings, found = collect_findings(options, offline=offline)
    if options.json:
        documents = [each.to_json() for each in findings]
        logins = [to_json(each, found.now) for each in found.logins]
        print_json({"format": FORMAT, "findings": documents, "logins": logins})
    else:
        for each in findings:
            _show(each)
    return next((each.status for each in findings if each.level == "wrong"), DONE)


def collect_findings(options: CommonOptions, *, offline: bool) -> tuple[list[Finding], Inventory]:
    """Return what was found, and the logins; what cannot be looked at because of something else is left out."""
    findings, settings = check_settings(options)
    if settings is None:
        return [each.with_flags(options) for each in findings], Inventory()
    findings += [*check_app_settings(settings), *check_service(settings, offline=offline)]
    if not offline and not is_any_wrong(findings):
        findings.append(check_app_at_service(settings))
    found, store = check_store(settings)
    logins = Inventory()
    if store is None:
        return [each.with_flags(options) for each in findings + found], logins
    with closing(store):
        try:
            logins = read_inventory(store, settings, options)
        except ValueError:  # no such service, which has been found already
            return [each.with_flags(options) for each in findings + found], logins
        except StoreFailed as error:
            found += [] if is_any_wrong(found) else [store_error_finding(error)]
    findings = [each.with_flags(options) for each in findings + found]
    skips_trakt = offline or is_any_wrong(findings)
    return [*findings, *check_logins(logins, store.address, options, settings, offline=skips_trakt)], logins


def _show(finding: Finding) -> None:
    print_data(_MARKS[finding.level], f"{finding.about:<8}", finding.what, hanging=_INDENT - 2)
    if finding.fix:
        print_hint(finding.fix, indent=_INDENT - 2)
    for detail in finding.details:
        print_data(detail, indent=_INDENT, hanging=_INDENT)
