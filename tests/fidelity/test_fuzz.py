"""Random scenarios, run on two servers: what is alike is found alike, and what differs is found and cut down.

Both servers are local Trakts here; `test_engines.py` runs scenarios on the real engines.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from fidelity.fuzz.execution import run_scenario
from fidelity.fuzz.generator import generate_scenario
from fidelity.fuzz.reduction import reduce_scenario
from fidelity.replay.seed_file import seed
from fidelity.replay.server import Server
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def begin():
    with ExitStack() as until_the_end:

        def begin(profile, **settings):
            known = {"port": 0, "control": True, "seed": seed(), "database": "memory:"}
            started = until_the_end.enter_context(EmbeddedServer(Settings(profile=profile, **known, **settings)))
            return Server(started.url, profile, local=True)

        yield begin


def scenarios(profile, count):
    return [generate_scenario(profile, number) for number in range(count)]


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_two_that_are_alike_answer_alike(trakt, profile):
    one, other = trakt(profile), trakt(profile, "prev", "file")
    assert [found for scenario in scenarios(profile, 12) if (found := run_scenario(scenario, one, other))] == []


DIFFERENT = {
    "another fate of used tokens": ("current", {"rotation": "once"}),
    "shorter lives": ("current", {"access_life": 60}),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference_is_found_and_cut_down_to_what_it_needs(begin, name):
    profile, settings = DIFFERENT[name]
    one, other = begin(profile), begin(profile, **settings)
    reported = ((scenario, reduce_scenario(scenario, one, other)) for scenario in scenarios(profile, 40))
    scenario, outcome = next((scenario, outcome) for scenario, outcome in reported if outcome)
    needed, why, meant = outcome
    assert why
    assert not meant
    assert len(needed) <= len(scenario)
    again = run_scenario(needed, one, other)
    assert again is not None
    assert again[0] is needed[-1]
    for left_out in needed[:-1]:
        shorter = run_scenario([step for step in needed if step is not left_out], one, other)
        assert shorter is None or {one.what for one in shorter[1]} != {one.what for one in why}
