"""`docs/fidelity.md` and `docs/security.md` say what the cases and tests show, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fidelity.replay import report
from fidelity.replay.cases import cases_of

CHECKOUT = Path(__file__).parents[2]
FIDELITY, SECURITY = (CHECKOUT / "docs" / f"{name}.md" for name in ("fidelity", "security"))
TESTS = {
    name
    for path in (CHECKOUT / "tests").rglob("test_*.py")
    for name in re.findall(r"\bdef (test_\w+)", path.read_text())
}
CASES = {case.name for profile in ("current", "classic") for case in cases_of(profile)}
OF_ONE_PROFILE = {
    "test_strictly_a_native_address_says_the_same": "classic has no native address",
    "test_strictly_a_native_address_refuses_a_client_that_names_itself_in_two_ways": "classic has no native address",
    "test_strictly_introspection_at_the_native_address_wants_a_secret": "classic has no native address",
    "test_strictly_a_bad_token_at_userinfo_is_a_401_and_one_without_the_scope_a_403": "classic has no userinfo",
    "test_strictly_a_public_app_gets_no_token_for_itself": "current gives no app a token for itself",
    "test_strictly_of_many_guesses_at_once_each_is_counted": "it starts both",
    "test_strictly_behind_a_proxy_a_strangers_guesses_stop_no_right_app": "the limit stands before every profile",
    "test_strictly_secrets_from_a_time_without_it_are_hashed_too": "a database has no profile",
}
STATES = ("held", "switched", "not applicable")


def points():
    """The rows of the checklist: number, point, state, how, tests."""
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", SECURITY.read_text(), re.MULTILINE)
    return [(int(number), *re.split(r"\s*\|\s*", rest)) for number, rest in rows]


def test_what_is_written_by_the_cases_is_as_the_cases_are():
    page = FIDELITY.read_text()
    assert report.written(page) == page, "run: python -m fidelity.replay.report"


def test_a_page_without_a_row_would_be_noticed():
    page = FIDELITY.read_text()
    row = next(line for line in page.splitlines() if "`native.code.wrong_secret`" in line)
    assert report.written(page.replace(row + "\n", "")) == page


@pytest.mark.parametrize("page", [FIDELITY, SECURITY], ids=lambda page: page.stem)
def test_every_test_that_a_page_names_is_there(page):
    named = set(re.findall(r"`(test_\w+)`", page.read_text()))
    assert named
    assert named - TESTS == set()


@pytest.mark.slow
def test_what_strict_makes_hold_is_shown_on_both_profiles():
    named = set(re.findall(r"`(test_strictly_\w+)`", SECURITY.read_text()))
    assert named >= set(OF_ONE_PROFILE)
    alone = {name for name in named - set(OF_ONE_PROFILE) if not runs_on_both(name)}
    assert alone == set()


def runs_on_both(name):
    """Whether a test takes a fixture or a parameter that stands for both profiles."""
    for path in (CHECKOUT / "tests").rglob("test_*.py"):
        found = re.search(rf"((?:^@.*\n|^[ \]].*\n)*)^def {name}\(([^)]*)\)", path.read_text(), re.MULTILINE)
        if found:
            arguments = set(re.split(r"[,\s]+", found[2]))
            return bool(arguments & {"either", "strict"}) or "profile" in arguments
    return False


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
