"""The local Trakt answers as the real engines did: every recorded case, played and compared."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from fidelity.extra_cases import extra_cases
from fidelity.replay.cases import CASES, FILES, Case, cases_of, matches
from fidelity.replay.deviations import DEVIATIONS, OUT_OF_SCOPE, deviation_of, reason_to_skip
from fidelity.replay.runner import run_case
from fidelity.setups import SETUPS

PROFILES = ("current", "classic")
ALL = [case for profile in PROFILES for case in cases_of(profile)]
PLAYED = [case for case in ALL if reason_to_skip(case) is None]


def named(case: Case) -> str:
    return f"{case.profile}-{case.name}"


def deviates(case: Case) -> bool:
    deviation = deviation_of(case)
    return deviation is not None and not deviation.also_recorded


@pytest.mark.parametrize("case", PLAYED, ids=named)
def test_the_answer_and_what_came_of_it_are_the_engines(trakt, case):
    database = "memory" if case.is_extra else "file"
    assert list(map(str, run_case(trakt(case.profile, case.mode, database), case))) == []


@pytest.mark.parametrize("profile", PROFILES)
def test_no_two_cases_have_one_name(profile):
    assert [name for name, count in Counter(case.name for case in cases_of(profile)).items() if count > 1] == []


def test_every_case_has_a_set_up():
    assert [case.name for case in PLAYED if case.setup not in SETUPS[case.profile]] == []


def test_no_more_is_out_of_scope_than_was_agreed():
    assert Counter(case.profile for case in ALL if reason_to_skip(case)) == {"current": 38, "classic": 2}


@pytest.mark.parametrize("profile", PROFILES)
def test_every_exception_is_needed_by_a_case(profile):
    names = [case.name for case in cases_of(profile)]
    patterns = [*OUT_OF_SCOPE[profile], *(pattern for one in DEVIATIONS[profile] for pattern in one.cases)]
    assert [pattern for pattern in patterns if not any(matches(name, pattern) for name in names)] == []


@pytest.mark.parametrize("case", [case for case in PLAYED if deviates(case)], ids=named)
def test_a_deviation_is_one(trakt, case, monkeypatch):
    monkeypatch.setattr("fidelity.replay.runner.deviation_of", lambda _: None)
    assert run_case(trakt(case.profile, case.mode), case) != []


@pytest.mark.parametrize("profile", PROFILES)
def test_the_further_cases_are_those_that_the_recorder_records(profile):
    recorded = {case["name"] for case in json.loads((CASES / FILES[profile][1]).read_text())}
    first = {case["name"] for case in json.loads((CASES / FILES[profile][0]).read_text())}
    assert recorded == {one.name for one in extra_cases(profile)} - first
