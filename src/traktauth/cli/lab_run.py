"""What `traktauth lab` does once its extra is installed: run the scenarios, and show what came of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from traktauth.cli.exit_codes import DONE, FAILED, NOT_JUDGED
from traktauth.cli.output import (
    BAD,
    GOOD,
    WARNING,
    Styled,
    is_on_terminal,
    print_data,
    print_in_place,
    print_json,
    print_message,
    terminal_columns,
)
from traktauth.errors import TraktAuthError
from traktauth.lab import Evidence, Lab, LabReport, Verdict
from traktauth.lab.report import draw_badge
from traktauth.lab.scenarios import NAMES
from traktauth.lab.verdicts import CONTROL, FIXES
from traktauth.lab.world import Program
from traktauth.sandbox.logins import read_login_place

HEADINGS = ("scenario", "verdict", "exits", "rotations", "replays", "killed", "2nd device")
_FEWEST_COUNTED = 3  # equal exit statuses that are shown as a count


def run(
    words: tuple[str, ...],
    *,
    copies: int,
    setup: str | None,
    tokens: str | None,
    home: Path | None,
    names: tuple[str, ...],
    timeout: int,
    profile: str,
    seed: Path | None,
    responses: Path | None,
    as_json: bool,
    badge: Path | None,
) -> int:
    """Judge a program, print the report, and return the exit status; the arguments are the options."""
    login = None if setup is not None else read_login_place(tokens or "traktauth")
    program = Program(
        command=words,
        login=login,
        setup=setup,
        home=home,
        timeout=timeout,
        profile=profile,
        environ=dict(os.environ),
        seed=seed,
        responses=responses,
    )
    lab = Lab(program, copies=copies, names=names)
    count, ended = len({CONTROL, *(names or NAMES)}), list[str]()

    def show_progress(evidence: Evidence) -> None:
        ended.append(evidence.name)
        print_in_place(f"{len(ended)} of {count} scenarios done; the last: {evidence.name}")

    is_live = not as_json and is_on_terminal(sys.stderr)
    report = lab.run(show_progress if is_live else None)
    if badge is not None:
        try:
            badge.write_text(draw_badge(report), encoding="utf-8")
        except OSError as error:
            message = f"The badge cannot be written to {badge}: {error.strerror}"
            raise TraktAuthError(message, hint="Name a file in a folder that exists") from None
    if is_live:
        print_in_place("")
    if as_json:
        print_json(report.as_json())
    else:
        print_report(report)
    return DONE if report.keeps else FAILED if report.loses else NOT_JUDGED


def print_report(report: LabReport) -> None:
    """Print a report as a table, with its verdict as the last line."""
    rows = [HEADINGS, *(_row(evidence, verdict) for evidence, verdict in report.scenarios)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    columns = terminal_columns(sys.stdout) or sys.maxsize
    gap = "  " if sum(widths) + 2 * len(widths) <= columns else " "  # the mark takes the place of the first
    marks: list[Styled | str] = [" ", *(_mark(verdict) for _, verdict in report.scenarios)]
    for mark, row in zip(marks, rows, strict=True) if report.scenarios else ():
        print_data(mark, gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for evidence, verdict in report.scenarios:
        if evidence.note:
            print_message(f"{evidence.name}: {evidence.note}")
        if verdict in (Verdict.LOST, Verdict.HARMED):
            print_message(f"{evidence.name}: {FIXES.get(evidence.name, '')}")
    if not report.loses:
        for sentence in dict.fromkeys(sentence for evidence, _ in report.scenarios for sentence in evidence.advice):
            print_message(WARNING, sentence)
    if report.keeps and report.partial:
        print_message(WARNING, report.partial)
    print_data(report.verdict)


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
