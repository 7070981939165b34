"""Longer scenarios of several programs, one store and one server: what no single exchange shows."""

from __future__ import annotations

from contextlib import closing

import pytest

from flow.setup import LIFE, YEAR
from proof.engines import ENGINES
from proof.program import Program
from proof.world import World
from traktauth.errors import LoginRequired, StoreFailed, TryLater


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


def test_two_programs_with_an_ended_token_cause_one_refresh(world, programs):
    first, second = programs
    world.pass_by(LIFE)
    first.call("token")
    until(first, "lock")
    second.call("token").go()
    assert second.busy
    first.go()
    second.go()
    assert first.ended == second.ended
    assert first.ended.generation == 2
    assert sum(map(len, world.sendings.values())) == 1


def test_eight_programs_with_an_ended_token_cause_one_refresh(world, programs):
    group = [*programs, *(Program(world, f"{number}") for number in range(6))]
    world.pass_by(LIFE)
    for program in group:
        program.call("token")
    while any(program.busy for program in group):
        for program in group:
            program.go(1)
    assert {program.ended for program in group} == {world.record.token}
    assert sum(map(len, world.sendings.values())) == 1


def test_a_program_that_is_killed_between_sent_and_saved_costs_nothing_while_the_token_lives(world, programs):
    first, second = programs
    world.pass_by(LIFE * 0.95)
    first.call("token")
    until(first, "send")
    first.crash()
    assert second.call("token").go().ended.generation == 1
    assert sum(map(len, world.sendings.values())) == 1


def test_a_program_that_is_killed_between_sent_and_saved_costs_one_sign_in_after_the_tokens_end(world, programs):
    first, second = programs
    world.pass_by(LIFE)
    first.call("token")
    until(first, "send")
    first.crash()
    assert second.call("token").go().ended.reason == "reply-lost"
    assert second.call("sign in").go().ended.generation == 2
    assert first.call("token").go().ended.generation == 2


def test_a_program_that_is_killed_before_it_sends_costs_nothing_at_all(world, programs):
    first, second = programs
    world.pass_by(LIFE)
    first.call("token")
    until(first, "begin")
    first.crash()
    assert second.call("token").go().ended.generation == 2
    assert world.server.replays == 0


def test_an_answer_lost_on_its_way_is_followed_by_one_last_attempt_after_the_tokens_end(world, programs):
    first, second = programs
    world.pass_by(LIFE * 0.95)
    world.fates = ["lost before"]
    assert first.call("token").go().ended.generation == 1
    assert second.call("refresh").go().ended.retry_after > 0
    world.pass_by(LIFE * 0.06)
    assert second.call("token").go().ended.generation == 2
    assert world.server.replays == 0


def test_a_token_that_was_saved_late_is_refreshed_before_it_is_used_as_a_second_sending_may_have_ended_it(
    world, programs
):
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
def test_a_token_that_was_saved_late_is_no_loss_where_a_second_sending_ends_nothing(engine):
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


def test_no_one_sends_again_while_the_sender_is_stopped_but_alive(world, programs):
    first, second = programs
    world.leases = True
    world.pass_by(LIFE)
    first.call("token")
    until(first, "send")
    for _ in range(2):
        world.pass_by(31)
        assert isinstance(second.call("token").go().ended, TryLater)
    assert first.go().ended.generation == 2
    assert second.call("token").go().ended.generation == 2
    assert world.server.replays == 0


def test_a_program_that_wakes_up_after_the_sign_in_of_another_user_saves_nothing(world, programs):
    first, second = programs
    world.leases = True
    world.pass_by(LIFE)
    first.call("token")
    until(first, "send")
    world.pass_by(31)
    signed_in = second.call("sign in").go().ended
    assert first.go().ended == signed_in == world.record.token


def test_the_generation_only_grows_over_a_sign_out_and_a_sign_in(world, programs):
    first, second = programs
    for generation in range(3, 11, 2):
        first.call("sign out").go()
        assert world.record.token is None
        assert second.call("token").go().ended.reason == "signed-out"
        assert second.call("sign in").go().ended.generation == generation


def test_a_sign_out_leaves_no_token_at_the_server(world, programs):
    first, second = programs
    second.call("refresh").go()
    first.call("sign out").go()
    assert not world.server.alive("access-2")
    assert {pair.state for pair in world.server.known.values()} == {"used", "revoked"}


def test_a_sign_out_with_an_unconfirmed_refresh_does_not_end_other_devices(world, programs):
    first, second = programs
    world.pass_by(LIFE * 0.95)
    world.fates = ["lost after"]
    first.call("token").go()
    assert second.call("sign out").go().ended.left
    assert world.server.replays == 0


def test_a_sign_out_that_does_not_reach_the_service_leaves_the_login_as_it_was(world, programs):
    first, second = programs
    world.fates = ["not sent"]
    assert isinstance(first.call("sign out").go().ended, TryLater)
    assert second.call("refresh").go().ended.generation == 2


def test_a_program_that_is_killed_in_a_sign_out_leaves_a_login_that_is_not_renewed_but_can_be_signed_out(
    world, programs
):
    first, second = programs
    first.call("sign out")
    until(first, "send")
    first.crash()
    assert isinstance(second.call("refresh").go().ended, LoginRequired)
    second.call("sign out").go()
    assert world.record.token is None
    assert world.server.replays == 0


def test_a_full_disk_shows_before_anything_is_sent(world, programs):
    first, _ = programs
    world.pass_by(LIFE)
    world.full = True
    assert isinstance(first.call("token").go().ended, StoreFailed)
    assert world.sendings == {}
    world.full = False
    assert first.call("token").go().ended.generation == 2


def test_a_disk_that_fills_up_behind_a_sending_loses_no_pair(world, programs):
    first, second = programs
    world.pass_by(LIFE)
    first.call("token")
    until(first, "send")
    world.full = True
    assert first.go().ended.kept
    assert first.call("token").go().ended.generation == 2
    world.full = False
    assert first.call("token").go().ended.generation == 2
    assert second.call("token").go().ended.generation == 2
    assert world.server.replays == 0


def test_a_login_that_another_device_ended_is_served_to_its_end_and_then_asked_for(world, programs):
    first, second = programs
    world.end_by_the_service()
    world.pass_by(LIFE * 0.95)
    assert first.call("token").go().ended.generation == 1
    assert not world.record.refreshable
    assert second.call("token").go().ended.generation == 1
    world.pass_by(LIFE)
    assert second.call("token").go().ended.reason == "revoked"
    assert sum(map(len, world.sendings.values())) == 1


def test_a_token_that_an_api_refused_is_renewed_once_for_all_programs(world, programs):
    first, second = programs
    world.server.known.pop(first.token)
    second.call("token").go()
    first.call("refused", rejected=first.token).go()
    second.call("refused", rejected=second.token).go()
    assert first.ended == second.ended
    assert world.server.alive(first.token)
    assert sum(map(len, world.sendings.values())) == 1


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


def test_an_outage_over_the_tokens_end_loses_nothing(world, programs):
    first, second = programs
    world.pass_by(LIFE * 0.95)
    world.fates = ["busy", "down", "not sent"]
    for _ in range(3):
        world.pass_by(31)
        first.call("token").go()
    assert isinstance(first.ended, TryLater)
    assert second.call("token").go().ended.generation == 2


def test_a_mark_and_a_save_of_two_programs_do_not_meet(world, programs):
    """A refusal that is learned of after the winner's save marks nothing."""
    first, second = programs
    world.leases = True
    world.pass_by(LIFE * 0.99)
    first.call("token")
    until(first, "send")
    world.pass_by(LIFE * 0.1)
    second.call("token")
    while second.at != "mark":
        second.go(1)
    until(first, "save")
    second.go()
    first.go()
    assert world.record.refreshable
    assert world.record.generation == 2
