"""A pytest plugin for the end of a full run: the coverage that each package must have, and the other checks.

Only where coverage is measured (`--cov`, as `sh scripts/test` does): a package below a floor fails the run. Where lines
alone are measured, the floor of branches does not count.
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

# Percent of lines, and of branches, that run in the tests' own processes. The command line, the lab and the sandbox are
# tested as processes of their own, which are not measured: that would double the time of each.
FLOORS = {
    "adapters": (73.0, 73.0),
    "client": (96.0, 93.0),
    "flow": (95.0, 89.0),
    "keeper": (96.0, 90.0),
    "migrate": (93.0, 84.0),
    "models": (98.0, 97.0),
    "server": (96.0, 90.0),
    "stores": (96.0, 94.0),
    "web": (81.0, 81.0),
    "wire": (97.0, 92.0),
}
# The same without the tests that are marked slow (`COVERAGE=yes sh scripts/test --fast`).
FAST_FLOORS = {
    "adapters": (73.0, 72.0),
    "client": (95.0, 90.0),
    "flow": (94.0, 88.0),
    "keeper": (81.0, 54.0),
    "migrate": (92.0, 80.0),
    "models": (98.0, 97.0),
    "server": (94.0, 86.0),
    "stores": (93.0, 88.0),
    "web": (81.0, 81.0),
    "wire": (96.0, 91.0),
}
PACKAGES = tuple(FLOORS)

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
        shares = measure_packages()
        config.stash[TABLE] = [
            f"{package:10} lines {lines:6.2f} %" + ("" if branches is None else f"  branches {branches:6.2f} %")
            for package, (lines, branches) in shares.items()
        ]
        config.stash[BELOW] = [
            f"{package} is below {floor:.0f} % of {kind}: coverage report -m --include='*/{package}/*'"
            for package, package_floors in floors(config).items()
            for kind, floor, share in zip(
                ("lines", "branches"), package_floors, shares.get(package, (0.0, 0.0)), strict=True
            )
            if share is not None and share < floor
        ]
        session.testsfailed += len(config.stash[BELOW])
    return result


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if table := config.stash.get(TABLE, []):
        terminalreporter.section("coverage by package")
        terminalreporter.line("\n".join(table))
    for below in config.stash.get(BELOW, []):
        terminalreporter.line(f"FAILED: {below}", red=True)
    if failed := os.environ.get("TRAKTAUTH_FAILED_CHECKS", "").split():
        terminalreporter.section("failed before the tests", red=True)
        terminalreporter.line(" ".join(failed))


def floors(config: pytest.Config) -> dict[str, tuple[float, float]]:
    """Return the floors of lines and branches, by package, for the tests that are run."""
    return FAST_FLOORS if config.option.markexpr == "not slow" else FLOORS


def measure_packages() -> dict[str, tuple[float, float | None]]:
    """Return each package's share of covered lines and of covered branches, in percent, from the combined data.

    None for the branches if lines alone were measured.
    """
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
        package: (
            _percent(total["covered_lines"], total["num_statements"]),
            _percent(total["covered_branches"], total["num_branches"]) if "num_branches" in total else None,
        )
        for package, total in sorted(sums.items())
    }


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 100.0
