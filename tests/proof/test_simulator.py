"""Whatever happens, no login is lost by us; and the search that says so can fail."""

from __future__ import annotations

import logging
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proof.engines import ENGINES
from proof.mutants import MUTANTS
from proof.scheduler import simulate
from proof.world import Violation

ACTIONS = 40  # of one world
WORLDS = 1500  # that a mutant may survive
# The seeds that find the rare ones: the search begins there, and goes on from it after a change of the simulator.
FIRST = {
    "a_500_is_taken_for_a_refusal_before_the_token_endpoint": 341,
    "a_copy_of_an_old_answer_is_taken_for_a_new_pair": 324,
    "a_late_pair_is_saved_all_the_same": 94,
    "a_late_refresh_undoes_a_sign_out": 126,
    "a_late_save_is_refused": 2727,
    "a_program_that_was_stopped_sends_all_the_same": 337,
    "a_sign_out_does_not_ask_for_the_right_to_send": 1547,
    "a_sign_out_that_was_stopped_revokes_all_the_same": 1787,
    "it_is_sent_again_without_a_probe": 86,
    "the_right_to_send_is_not_asked_for": 223,
    "there_is_no_second_look_at_the_store_after_a_refusal": 1546,
}


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """The flows' notes are many."""
    caplog.set_level(logging.CRITICAL, logger="traktauth")


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_no_login_is_lost_in_random_worlds(engine):
    """A few thousand steps, always the same; `soak/simulate.py` takes a million."""
    steps = sum(simulate(random.Random(seed), ACTIONS, engine=engine).steps for seed in range(20))
    assert steps > 1500


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)
@given(st.randoms(use_true_random=False))
def test_no_login_is_lost_in_worlds_of_hypothesis(chance):
    simulate(chance, ACTIONS)


@pytest.mark.parametrize(
    ("mutant", "claim"),
    [
        pytest.param(*one, id=one[0].__name__, marks=[pytest.mark.slow] if number % 9 else [])
        for number, one in enumerate(MUTANTS.items())
    ],
)
def test_the_simulator_finds_a_program_in_which(mutant, claim, monkeypatch):
    mutant(monkeypatch)
    with pytest.raises(Violation, match=claim):  # noqa: PT012 - which world it is, no one knows
        for seed in range(WORLDS):
            simulate(random.Random(FIRST.get(mutant.__name__, 0) + seed), ACTIONS)


def test_a_world_is_the_same_each_time():
    def tell():
        simulation = simulate(random.Random(7), ACTIONS)
        return simulation.steps, simulation.tally, simulation.world.record, simulation.world.steady

    assert tell() == tell()
