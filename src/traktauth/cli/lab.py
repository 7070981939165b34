"""`traktauth lab`."""

from __future__ import annotations

import os
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.exit_codes import NOT_JUDGED
from traktauth.cli.options import home_option, json_option, needing_extra, profile_option
from traktauth.cli.output import (
    BAD,
    GOOD,
    WARNING,
    print_data,
    print_in_place,
    print_json,
    print_message,
    terminal_columns,
)
from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from traktauth.cli.output import Styled
    from traktauth.lab import Evidence, LabReport, Verdict


MOST_COPIES = 64
LONGEST_TIMEOUT = 3600
HEADINGS = ("scenario", "verdict", "exits", "rotations", "replays", "killed", "2nd device")
_FEWEST_COUNTED = 3  # equal exit statuses that are shown as a count


@click.command(
    "lab", cls=Command, exclusive=[("--setup", "--tokens")], context_settings={"allow_interspersed_args": False}
)
@click.option(
    "--copies",
    type=click.IntRange(2, MOST_COPIES),
    metavar="N",
    default=8,
    show_default=True,
    help="Copies that race each other.",
)
@click.option("--setup", metavar="CMD", help="Shell command that signs in; its device code is approved.")
@click.option(
    "--tokens",
    metavar="FORMAT:PATH",
    help="Write the login below HOME (default: traktauth); formats as for import.",
)
@home_option
@click.option("--scenario", "names", multiple=True, metavar="NAME", help="Run this scenario and single; repeatable.")
@click.option(
    "--timeout",
    type=click.IntRange(1, LONGEST_TIMEOUT),
    metavar="SECONDS",
    default=60,
    show_default=True,
    help="Longest time of each run.",
)
@profile_option
@json_option
@click.option("--badge", type=click.Path(dir_okay=False, path_type=Path), help="Write the verdict as an SVG picture.")
@click.argument("words", nargs=-1, required=True, metavar="-- CMD …", type=click.UNPROCESSED)
def command(
    *,
    copies: int,
    setup: str | None,
    tokens: str | None,
    home: Path | None,
    names: tuple[str, ...],
    timeout: int,
    profile: str,
    as_json: bool,
    badge: Path | None,
    words: tuple[str, ...],
) -> int:
    """Find out whether a program would lose a login at Trakt.

    The program runs against local Trakts: N copies at once, with a lost response, killed during a refresh,
    and during an outage. It must exit with 0 and call the API, such as GET /users/settings. The last line is the
    verdict; the exit status is 0 if the program keeps its login, 1 if it would lose one, 6 if it was not judged.

    Examples:
        traktauth lab -- traktauth request GET /users/settings
        # its login is a file of PyTrakt's
        traktauth lab --tokens pytrakt:.pytrakt.json \\
          -- python sync.py
        # it signs in by a device code
        traktauth lab --setup './tool login' \\
          --badge login.svg -- ./tool sync
    """
    with needing_extra("the lab", "sandbox"):
        from traktauth.lab import Lab  # noqa: PLC0415 - an extra, and costly
        from traktauth.lab.scenarios import NAMES  # noqa: PLC0415 - the same
        from traktauth.lab.verdicts import CONTROL  # noqa: PLC0415 - the same
        from traktauth.lab.world import Program  # noqa: PLC0415 - the same
        from traktauth.sandbox.command_process import ending_descendants  # noqa: PLC0415 - the same
        from traktauth.sandbox.logins import read_login_place  # noqa: PLC0415 - the same
    try:
        login = None if setup is not None else read_login_place(tokens or "traktauth")
        program = Program(
            command=words,
            login=login,
            setup=setup,
            home=home,
            timeout=timeout,
            profile=profile,
            environ=dict(os.environ),
        )
        lab = Lab(program, copies=copies, names=names)
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context(silent=True)) from None
    progress = None if as_json else _progress(len({CONTROL, *(names or NAMES)}))
    with ending_descendants():
        report = lab.run(progress)
    if badge is not None:
        _write_badge(badge, report)
    if as_json:
        print_json(report.as_json())
    else:
        if progress is not None:
            print_in_place("")
        print_report(report)
    return 0 if report.keeps else 1 if report.loses else NOT_JUDGED


def _progress(count: int) -> Callable[[Evidence], None] | None:
    ended: list[str] = []

    def show(evidence: Evidence) -> None:
        ended.append(evidence.name)
        print_in_place(f"{len(ended)} of {count} scenarios done; the last: {evidence.name}")

    return show if sys.stderr.isatty() else None


def print_report(report: LabReport) -> None:
    """Print a report as a table, with its verdict as the last line."""
    if report.scenarios:
        _print_table(report)
    print_data(report.verdict)


def _print_table(report: LabReport) -> None:
    rows = [HEADINGS, *(_row(evidence, verdict) for evidence, verdict in report.scenarios)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    columns = terminal_columns(sys.stdout) or sys.maxsize
    gap = "  " if sum(widths) + 2 * len(widths) <= columns else " "  # the mark takes the place of the first
    marks: list[Styled | str] = [" ", *(_mark(verdict) for _, verdict in report.scenarios)]
    for mark, row in zip(marks, rows, strict=True):
        print_data(mark, gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for evidence, _ in report.scenarios:
        if evidence.note:
            print_message(f"{evidence.name}: {evidence.note}")


def describe_exits(exits: Iterable[int]) -> str:
    """Return exit statuses in their order, with a count for three or more equal ones."""
    shown: list[str] = []
    for status, run in groupby(exits):
        count = len(list(run))
        shown += [f"{status}\u00d7{count}"] if count >= _FEWEST_COUNTED else [str(status)] * count
    return " ".join(shown)


def _row(evidence: Evidence, verdict: Verdict) -> tuple[str, ...]:
    return (
        evidence.name,
        verdict.value,
        describe_exits(evidence.exits),
        str(evidence.rotations),
        str(evidence.replays),
        str(evidence.families_killed),
        "kept" if evidence.second_device else "signed out",
    )


def _mark(verdict: Verdict) -> Styled:
    return {"kept": GOOD, "unavoidable": WARNING, "not-judged": WARNING}.get(verdict.value, BAD)


def _write_badge(path: Path, report: LabReport) -> None:
    from traktauth.lab.badge import draw_badge  # noqa: PLC0415 - rarely needed

    try:
        path.write_text(draw_badge(report), encoding="utf-8")
    except OSError as error:
        raise TraktAuthError(
            f"The badge cannot be written to {path}: {error.strerror}", hint="Name a file in a folder that exists"
        ) from None
