"""`docs/fidelity.md` says what the cases and tests show; `docs/security.md` has its fifty points."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fidelity.replay import report

CHECKOUT = Path(__file__).parents[2]
FIDELITY, SECURITY = (CHECKOUT / "docs" / f"{name}.md" for name in ("fidelity", "security"))
TESTS = {
    name
    for path in (CHECKOUT / "tests").rglob("test_*.py")
    for name in re.findall(r"\bdef (test_\w+)", path.read_text())
}
STATES = ("held", "as the engine", "not applicable")


def points():
    """The rows of the checklist: number, point, state, how."""
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", SECURITY.read_text(), re.MULTILINE)
    return [(int(number), *re.split(r"\s*\|\s*", rest)) for number, rest in rows]


def test_what_is_written_by_the_cases_is_as_the_cases_are():
    page = FIDELITY.read_text()
    assert report.written(page) == page, "run: python -m fidelity.replay.report"


def test_every_test_that_the_page_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", FIDELITY.read_text()))
    assert named
    assert named - TESTS == set()


def test_the_checklist_has_its_fifty_points_in_order():
    assert [point[0] for point in points()] == list(range(1, 51))


@pytest.mark.parametrize("point", points(), ids=lambda point: str(point[0]))
def test_a_point_says_whether_it_holds_and_why_if_not(point):
    _, _, state, how = point
    assert state in STATES
    assert how or state == "held"
