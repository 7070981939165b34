"""One record that cannot be read: it is named, and every other login is served as ever."""

from __future__ import annotations

import json
import re

import pytest


@pytest.fixture
def damaged(command):
    """`traktauth` with the logins m1, m2 and m3, of which m2's record is damaged."""
    for account in ("m1", "m2", "m3"):
        command.keep(account=account)
    document = json.loads(command.path.read_text())
    (entry,) = [each for each in document["logins"] if each["account"] == "m2"]
    entry["token"] = "garb{age"
    command.path.write_text(json.dumps(document))
    return command


def test_status_shows_the_others_and_names_the_damaged_one(damaged):
    outcome = damaged("status")
    assert outcome.status == 1
    assert outcome.out.count("\n✓ m") == 2
    assert re.search(r"✗ m2 at http://127\.0\.0\.1:9 \(app cccccccc…\)\n    cannot be read: \w+", outcome.out)
    assert outcome.err.startswith("→ m2: Restore the store from a backup, or ")
    assert outcome.err.endswith("traktauth login --account m2\n")
    logins = json.loads(damaged("status", "--json").out)["logins"]
    assert {each["account"]: each["state"] for each in logins} == {"m1": "valid", "m2": "unreadable", "m3": "valid"}
    (damaged_one,) = [each for each in logins if each["account"] == "m2"]
    assert damaged_one["message"]
    assert "--account m2" in damaged_one["hint"]
    assert [damaged("status", "--account", account).status for account in ("m1", "m2")] == [0, 1]


def test_the_doctor_has_a_finding_for_it_and_all_for_the_others(damaged):
    outcome = damaged("doctor", "--offline", "--json")
    document = json.loads(outcome.out)
    found = [each for each in document["findings"] if each["about"] == "login"]
    assert outcome.status == 1
    assert sorted(each["level"] for each in found) == ["good", "good", "wrong"]
    (finding,) = [each for each in found if each["level"] == "wrong"]
    assert finding["message"].startswith("m2 at http://127.0.0.1:9: ")
    assert "traktauth login --account m2" in finding["hint"]
    assert any(each["message"] == "a test write succeeded" for each in document["findings"])
    assert sorted(each["state"] for each in document["logins"]) == ["unreadable", "valid", "valid"]


def test_many_damaged_ones_are_counted(command):
    for number in range(23):
        command.keep(account=f"m{number}")
    document = json.loads(command.path.read_text())
    for entry in document["logins"]:
        entry["generation"] = None
    command.path.write_text(json.dumps(document))
    found = [each for each in json.loads(command("doctor", "--offline", "--json").out)["findings"] if each["hint"]]
    found = [each["message"] for each in found if each["about"] == "login"]
    assert (len(found), found[-1]) == (21, "3 more cannot be read")
