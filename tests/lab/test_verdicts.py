"""From evidence to verdicts, by values."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from traktauth.cli import lab_run as lab
from traktauth.lab.lab import Lab, LabReport
from traktauth.lab.race import Sample, Task, are_waiting
from traktauth.lab.report import draw_badge
from traktauth.lab.scenarios import NAMES
from traktauth.lab.verdicts import FIXES, Evidence, Verdict, conclude, judge
from traktauth.lab.world import Program

KEPT, LOST, HARMED, UNAVOIDABLE, NOT_JUDGED = Verdict


def evidence(name="race", **seen):
    usual = {
        "exits": (0, 0), "is_signed_in": True, "second_device": True, "refreshes": 1, "sent_again": 0,
        "rotations": 1, "replays": 0, "families_killed": 0,
    }  # fmt: skip
    return Evidence(name=name, **(usual | seen))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (evidence(), KEPT),
        (evidence(is_signed_in=False), LOST),
        (evidence(is_signed_in=False, second_device=False), LOST),
        (evidence(second_device=False), HARMED),
        (evidence(refreshes=0), NOT_JUDGED),
        (evidence("single", refreshes=0), KEPT),
        (evidence("single", refreshes=0, is_signed_in=False), NOT_JUDGED),
        (evidence("lost-response-expired", is_signed_in=False, second_device=False, sent_again=1), UNAVOIDABLE),
        (evidence("lost-response-expired", second_device=False, sent_again=1), UNAVOIDABLE),
        (evidence("lost-response-expired", is_signed_in=False, sent_again=0), UNAVOIDABLE),
        (evidence("lost-response-expired", is_signed_in=False, sent_again=2), LOST),
        (evidence("lost-response-expired", second_device=False, sent_again=2), HARMED),
        (evidence("lost-response-expired", sent_again=2), KEPT),
        (evidence("lost-response", is_signed_in=False, sent_again=1), LOST),
    ],
)
def test_a_scenario_is_judged_by_login_and_second_device(seen, verdict):
    assert judge(seen) is verdict


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        ([("single", KEPT), ("race", KEPT), ("lost-response-expired", UNAVOIDABLE)], "keeps its login"),
        ([("single", KEPT), ("race", LOST), ("kill", HARMED), ("weeks", KEPT)], "would lose a login: race, kill"),
        ([("single", KEPT), ("race", KEPT), ("kill", NOT_JUDGED)], "keeps its login"),
        ([("single", KEPT), ("race", NOT_JUDGED)], "not judged: no scenario led to a refresh"),
        ([], "not judged: because"),
    ],
)
def test_the_whole_verdict_is_one_line(verdicts, line):
    assert conclude(verdicts, "because" if not verdicts else "") == line


@pytest.mark.parametrize("line", ["keeps its login", "would lose a login: race, kill", "not judged: <a & b>"])
def test_a_badge_is_one_picture_without_foreign_assets(line):
    root = ET.fromstring(draw_badge(LabReport(line, ())))
    words = "".join(root.itertext())
    assert line.partition(":")[0] in words
    assert root.attrib["aria-label"] == f"Trakt login: {line}"
    assert [value for each in root.iter() for value in each.attrib.values() if "http" in value] == []


def test_a_badge_says_if_not_all_scenarios_were_judged():
    judged = ((evidence(), KEPT), (evidence("kill"), NOT_JUDGED))
    assert "keeps its login (1 of 2 scenarios judged)" in draw_badge(LabReport("keeps its login", judged))


def test_each_scenario_has_a_fix():
    assert {*FIXES, "single"} == {*NAMES}


def test_the_json_has_what_is_promised():
    report = LabReport("keeps its login", ((evidence(second_device=False, note="seen"), KEPT),))
    assert report.as_json() == {
        "verdict": "keeps its login",
        "scenarios": [
            {
                "name": "race", "verdict": "kept", "exits": [0, 0], "rotations": 1, "replays": 0, "families_killed": 0,
                "second_device": "signed-out", "note": "seen",
            }
        ],
    }  # fmt: skip


def test_an_unknown_scenario_is_named():
    program = Program(("true",), None, None, None, 1, "current", {})
    with pytest.raises(ValueError, match="'flood' is not a scenario; give one of single, race, "):
        Lab(program, names=["flood"])


def looks(*tasks, every=0.1):
    """Samples of one thread, each `(is_asleep, ticks)` or None, at regular times."""
    return [Sample(number * every, {} if task is None else {7: Task(*task)}) for number, task in enumerate(tasks)]


@pytest.mark.parametrize(
    ("samples", "waits"),
    [
        (looks(*[(True, 30)] * 12), True),
        (looks(*[(True, 30)] * 8), False),
        (looks(*[(number % 3 > 0, 30 + number // 6) for number in range(12)]), True),
        (looks(*[(True, 30 + number) for number in range(12)]), False),
        (looks(*[(False, 30)] * 12), False),
        (looks(*[None] * 6, *[(True, 30)] * 6), False),
        (looks(*[(False, 9)] * 6, *[(True, 30)] * 12), True),
        (looks(*[(True, 30)] * 4, every=0.4), False),
        (looks(*[None] * 12), False),
        ([], False),
    ],
    ids=["asleep", "too short", "polling", "working", "starved", "new", "after a start", "few looks", "none", "empty"],
)
def test_a_copy_waits_if_it_sleeps_and_hardly_uses_the_processor(samples, waits):
    assert are_waiting(samples, 1.0) is waits


def test_the_table_fits_a_terminal_of_80_columns(monkeypatch, capsys):
    monkeypatch.setattr(lab, "terminal_columns", lambda _: 80)
    exits = {"race": (0,) * 9, "kill": (137, 0, 0), "lost-response-expired": (5, 4, 4), "weeks": (0,) * 6}
    judged = [
        (evidence(name, exits=exits.get(name, (0, 0)), second_device=name != "kill"), UNAVOIDABLE) for name in NAMES
    ]
    lab.print_report(LabReport("keeps its login", tuple(judged)))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(NAMES) + 2
    assert max(map(len, lines)) <= 80
    assert [line.split()[2:5] for line in lines if " race " in line] == [["unavoidable", "0\u00d79", "1"]]
    assert len({line.find("unavoidable") for line in lines[1:-1]}) == 1


@pytest.mark.parametrize(
    ("exits", "shown"),
    [((), ""), ((0, 0), "0 0"), ((0, 0, 0), "0\u00d73"), ((137, 0, 0), "137 0 0"), ((5, 5, 5, 0), "5\u00d73 0")],
)
def test_equal_exit_statuses_are_counted_from_three(exits, shown):
    assert lab.describe_exits(exits) == shown
