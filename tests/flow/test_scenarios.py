"""Longer scenarios of several programs, one store and one server: what no single exchange shows."""

from __future__ import annotations

from contextlib import closing

import pytest

from flow.setup import LIFE, YEAR
from proof.engines import ENGINES
from proof.program import Program
from proof.world import World
from traktauth.errors import TryLater


@pytest.fixture
def world():
    with closing(World()) as world:
        yield world


@pytest.fixture(params=["blocking", "async"])
def programs(world, request):
    """Two programs of one account on one of the drivers, signed in."""
    first, second = Program(world, "first", kind=request.param), Program(world, "second", kind=request.param)
    assert first.call("sign in").go().ended.generation == 1
    return first, second


def until(program, act):
    """Go on up to the moment at which an act was done and its answer is not yet known."""
    while (program.at, program.done) != (act, True):
        assert program.busy
        program.go(1)


def test_a_token_that_was_saved_after_a_second_sending_is_refreshed_before_it_is_used(world, programs):
    first, second = programs
    world.leases = True
    world.pass_by(LIFE * 0.99)
    first.call("token")
    until(first, "send")  # the answer is in, and the program is stopped
    world.pass_by(LIFE * 0.1)
    second.call("token")
    until(second, "send")
    while world.server.replays == 0:
        second.go(1)
    assert isinstance(first.go().ended, TryLater)
    assert isinstance(second.go().ended, TryLater)
    assert first.call("token").go().ended.reason == "revoked", "and no caller is served a dead token"


@pytest.mark.parametrize("engine", ["once", "until-used"])
def test_a_token_that_was_saved_late_is_valid_if_the_engine_forgives_a_second_sending(engine):
    with closing(World(leases=True, engine=ENGINES[engine])) as world:
        first, second = Program(world, "first"), Program(world, "second", kind="async")
        first.call("sign in").go()
        world.pass_by(LIFE * 0.99)
        first.call("token")
        until(first, "send")
        world.pass_by(LIFE * 0.1)
        second.call("token").go()
        assert world.record.refreshable == (engine == "until-used")
        first.go()
        assert second.call("token").go().ended.access_token == first.call("token").go().ended.access_token
        assert world.server.alive(second.token)
        world.check_that_no_login_was_lost()


def test_a_stopped_program_saves_nothing_over_a_later_sign_in(world, programs):
    first, second = programs
    world.leases = True
    world.pass_by(LIFE)
    first.call("token")
    until(first, "send")
    world.pass_by(31)
    signed_in = second.call("sign in").go().ended
    assert first.go().ended == signed_in == world.record.token


@pytest.mark.parametrize("jump", [-YEAR, YEAR])
def test_a_clock_that_jumps_a_year_and_back_costs_two_refreshes_and_no_login(world, programs, jump):
    first, second = programs
    first.offset = jump
    renewed = first.call("token").go().ended
    assert renewed.generation == 2
    assert first.call("token").go().ended == renewed
    first.offset = 0.0
    assert second.call("token").go().ended.generation == 3
    assert first.call("token").go().ended.generation == 3
    assert world.server.replays == 0
