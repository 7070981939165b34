"""`docs/local-trakt.md`: its programs run, its commands are real, and what it says of profiles and rotation is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from traktauth.server.app import PROFILES
from traktauth.server.control.calls import CALLS
from traktauth.server.oauth.rotation import make_rotation
from traktauth.server.settings import grace_seconds
from traktauth.testing import LocalTrakt

TEXT = (Path(__file__).parents[2] / "docs" / "local-trakt.md").read_text()
DAY = 86_400


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def programs():
    names = {}
    (program,) = blocks("python")
    exec(compile(program, "docs/local-trakt.md", "exec"), names)
    return {name: test for name, test in names.items() if name.startswith("test_")}


@pytest.mark.parametrize("test", [pytest.param(test, id=name) for name, test in programs().items()])
def test_its_tests_pass(test):
    test()


def test_its_scenario_happens_in_that_order(start):
    scenario, _ = map(json.loads, blocks("json"))
    client = start(faults=scenario)
    login = client.login
    assert client.refresh("x").status == 503
    client.control("clock", advance=121)
    assert client.refresh("x").status == 429
    with pytest.raises(OSError, match="closed"):
        client.refresh("x")
    assert login().access


def test_its_seed_is_one():
    _, seed = map(json.loads, blocks("json"))
    with LocalTrakt(seed=seed) as server:
        assert server.app.client_id == "my-app"


def test_it_names_every_control_call():
    assert [call.address for call in CALLS if call.address.partition(" ")[2] not in TEXT] == []


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_its_table_of_profiles_is_true(profile):
    days = {1: "1 day", 7: "7 days", 30: "30 days"}
    refresh = days[profile.lifetimes.refresh // DAY] if profile.lifetimes.refresh else "does not expire"
    row = f"| `{profile.name}` | {profile.measured_on} | {days[profile.lifetimes.access // DAY]} | {refresh} |"
    assert row in TEXT
    assert f"`{profile.name}` is `{profile.rotation}`" in TEXT


def test_its_picture_names_modes_that_there_are():
    picture = TEXT.partition("## Rules for a used refresh token")[2].split("```")[1]
    names = re.findall(r"^([a-z-]+(?::\d+)?) ", picture, re.MULTILINE)
    assert names == ["family", "once", "until-used", "grace:20"]
    assert all(make_rotation(name, grace_seconds(name)) for name in names)
