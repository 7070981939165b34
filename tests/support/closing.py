"""A pytest plugin for the end of a full run: the branch coverage that each room must have, and the other checks.

Only where coverage is measured (`--cov`, as `sh scripts/test` does): a room below its floor fails the run.
`$TRAKTAUTH_FAILED_CHECKS` names checks that failed before the tests, so that they are not lost above pytest's output.
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter, defaultdict
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import coverage
import coverage.exceptions
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

FLOORS = {"wire": 95.0, "flow": 95.0, "client": 95.0, "stores": 95.0}  # percent of branches, and of lines
ROOMS = tuple(FLOORS)

BELOW = pytest.StashKey[list[str]]()
TABLE = pytest.StashKey[list[str]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost: pytest-cov has combined its data before we look
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    result = yield
    config = session.config
    if (
        not hasattr(config, "workerinput")
        and config.getoption("cov_source", None)
        and not config.getoption("collectonly")
        and Path(".coverage").exists()
    ):
        shares = rooms()
        config.stash[TABLE] = [
            f"{room:10} lines {lines:6.2f} %  branches {branches:6.2f} %" for room, (lines, branches) in shares.items()
        ]
        config.stash[BELOW] = [room for room, floor in FLOORS.items() if min(shares.get(room, (0, 0))) < floor]
        session.testsfailed += len(config.stash[BELOW])
    return result


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if table := config.stash.get(TABLE, []):
        terminalreporter.section("coverage by room")
        terminalreporter.line("\n".join(table))
    for room in config.stash.get(BELOW, []):
        terminalreporter.line(
            f"FAILED: {room} is below {FLOORS[room]:.0f} %: coverage report -m --include='*/{room}/*'", red=True
        )
    if failed := os.environ.get("TRAKTAUTH_FAILED_CHECKS", "").split():
        terminalreporter.section("failed before the tests", red=True)
        terminalreporter.line(" ".join(failed))


def rooms() -> dict[str, tuple[float, float]]:
    """Each room's share of covered lines and of covered branches, in percent, from the combined data."""
    measured = coverage.Coverage()
    measured.load()
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        outfile = Path(folder, "coverage.json")
        try:
            measured.json_report(outfile=str(outfile))
        except coverage.exceptions.NoDataError:
            return {}
        files = json.loads(outfile.read_text())["files"]
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, file in files.items():
        inside = ("/" + name.replace("\\", "/")).rpartition("/traktauth/")[2]
        sums[inside.partition("/")[0].removesuffix(".py")].update(file["summary"])
    return {
        room: (
            _percent(total["covered_lines"], total["num_statements"]),
            _percent(total["covered_branches"], total["num_branches"]),
        )
        for room, total in sorted(sums.items())
    }


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 100.0
