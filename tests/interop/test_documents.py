"""`docs/fidelity.md` and `docs/security.md` say what the cases and tests show, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interop.replay import pages
from interop.replay.cases import cases_of

CHECKOUT = Path(__file__).parents[2]
FIDELITY, SECURITY = (CHECKOUT / "docs" / f"{name}.md" for name in ("fidelity", "security"))
TESTS = {
    name
    for path in (CHECKOUT / "tests").rglob("test_*.py")
    for name in re.findall(r"\bdef (test_\w+)", path.read_text())
}
CASES = {case.name for profile in ("current", "classic") for case in cases_of(profile)}
STATES = ("held", "switched", "not applicable")


def points():
    """The rows of the checklist: number, point, state, how, tests."""
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", SECURITY.read_text(), re.MULTILINE)
    return [(int(number), *re.split(r"\s*\|\s*", rest)) for number, rest in rows]


def test_what_is_written_by_the_cases_is_as_the_cases_are():
    page = FIDELITY.read_text()
    assert pages.written(page) == page, "run: python -m interop.replay.pages"


def test_a_page_without_a_row_would_be_noticed():
    page = FIDELITY.read_text()
    row = next(line for line in page.splitlines() if "`native.code.wrong_secret`" in line)
    assert pages.written(page.replace(row + "\n", "")) == page


@pytest.mark.parametrize("page", [FIDELITY, SECURITY], ids=lambda page: page.stem)
def test_every_test_that_a_page_names_is_there(page):
    named = set(re.findall(r"`(test_\w+)`", page.read_text()))
    assert named
    assert named - TESTS == set()


def test_the_checklist_has_its_fifty_points_in_order():
    assert [point[0] for point in points()] == list(range(1, 51))


@pytest.mark.parametrize("point", points(), ids=lambda point: str(point[0]))
def test_a_point_says_whether_it_holds_and_which_test_shows_it(point):
    assert len(point) == 5
    _, _, state, how, shown = point
    assert state in STATES
    assert how or state == "held"  # the reason
    if state != "not applicable":
        cases = set(re.findall(r"`([^`]+)`", shown)) - TESTS
        assert "`" in shown
        assert cases <= CASES
        assert not cases or "replay: " in shown
