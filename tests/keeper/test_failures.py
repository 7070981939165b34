"""Failures beside a refresh: the keeper spends nothing, and reports nothing that is false."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from dataclasses import replace

import pytest

from keeper.fleet_setup import DAY, clock, login
from keeper.virtual_fleet import scenario
from support.virtual import now
from traktauth.errors import StoreFailed
from traktauth.flow.effects import NoResponse
from traktauth.keeper import Delayed, Expired, Expiring, Outage, RateLimit, Recovered, Refreshed, Unconfirmed, Unsaved
from traktauth.models import PendingRefresh
from traktauth.models.changes import DeleteToken, SaveToken, SetMoved
from traktauth.stores.processes import this_process
from traktauth.wire.messages import Response

PAGE = {"content-type": "text/html"}


def refresh_tokens(asked):
    return [token for token in asked if token.startswith("R.")]


async def everybody_is_due(seconds=6.9 * DAY):
    await asyncio.sleep(seconds)


# ------------------------------------------------------------ the service
@pytest.mark.parametrize(
    "reply",
    [
        Response(200, PAGE, b"<html>Sign in to the hotel's network</html>"),
        Response(403, PAGE, b"<html>Just a moment</html>"),
        Response(404, PAGE, b"<html>Not found</html>"),
        Response(502, {}, b""),
        NoResponse(sent=True, reason="no answer"),
        NoResponse(sent=False, reason="no route"),
    ],
    ids=["portal", "challenge", "not found", "bad gateway", "no answer", "no route"],
)
def test_a_response_of_another_server_costs_one_refresh_and_no_login(reply):
    @scenario(100, spread=0.0)
    async def reported(fleet):
        asked = []

        async def answer(request):
            if now() < 7.2 * DAY:
                asked.append(json.loads(request.body)["refresh_token"])
                return reply
            return None

        fleet.fault = answer
        await everybody_is_due()
        await fleet.keep_for(0.5 * DAY, fleet.keeper())
        assert len(refresh_tokens(asked)) == 1, "a keeper begins with one"
        assert len(fleet.reported(Outage)) == len(fleet.reported(Recovered)) == 1
        assert not fleet.reported(Expired)
        assert not fleet.trakt.dead
        assert fleet.resent_while_alive() == []
        assert {account for _, account, _ in fleet.trakt.sent} >= set(range(99))

    reported()


@scenario(200, spread=0.0)
async def test_what_fails_all_at_once_is_one_failure_and_the_next_question_comes_soon(fleet):
    cut = []

    async def blink(_request):
        if cut and cut[0] <= now() < cut[0] + 1:
            return NoResponse(sent=False, reason="the network blinked")
        return None

    fleet.fault = blink
    fleet.delay = 1.0
    await everybody_is_due()
    keeper = fleet.keeper(in_flight=32, idle=15.0)
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(5.5)
    assert keeper.in_flight > 16
    cut.append(now())
    await asyncio.sleep(120)
    keeper.stop()
    await task
    assert [event.after < 10 for event in fleet.reported(Recovered)] == [True]
    assert keeper.summary.refreshed == 200


@scenario(3, spread=0.0)
async def test_a_step_that_was_asked_to_wait_leaves_word_for_the_next(fleet):
    async def busy(_request):
        return Response(429, {"retry-after": "600"}, b"slow down")

    fleet.fault = busy
    await everybody_is_due()
    assert (await fleet.keeper().run_once(1)).delayed == 1
    fleet.fault = None
    await asyncio.sleep(60)
    assert (await fleet.keeper().run_once(9)).tried == 0
    await asyncio.sleep(3600)
    assert (await fleet.keeper().run_once(9)).refreshed == 3


@scenario(50, spread=0.0)
async def test_steps_of_a_scheduler_do_not_hammer_a_service_that_is_down(fleet):
    asked = []

    async def down(request):
        asked.append(json.loads(request.body)["refresh_token"])
        return NoResponse(sent=True, reason="no answer")

    fleet.fault = down
    await everybody_is_due()
    for _ in range(60):  # a step every ten seconds
        await fleet.keeper().run_once(100)
        await asyncio.sleep(10)
    assert len(refresh_tokens(asked)) <= 11
    assert fleet.resent_while_alive() == []


# ------------------------------------------------------------ the login
def after_each_claim(fleet, happens):
    """Let something happen to a login that was just claimed."""
    claim = fleet.store.claim

    def claimed(*args, **kwargs):
        found = claim(*args, **kwargs)
        for each, _ in found:
            happens(each)
        return found

    fleet.store.claim = claimed


@scenario(4, spread=0.0)
async def test_a_sign_out_between_claim_and_send_is_not_reported_as_expiring(fleet):
    await everybody_is_due()

    def end(each):
        if each == login(0):
            fleet.store.plain.apply(each, DeleteToken(1))
        if each == login(1):
            fleet.store.plain.apply(each, SetMoved(1, "elsewhere:"))

    after_each_claim(fleet, end)
    summary = await fleet.keeper().run_once(100)
    assert (summary.refreshed, summary.skipped) == (2, 2)
    assert not fleet.reported(Expiring)
    assert not fleet.reported(Expired)
    assert {account for _, account, _ in fleet.trakt.sent} == {2, 3}


@scenario(3, spread=0.0)
async def test_a_refresh_by_another_program_since_the_claim_is_counted_as_skipped(fleet):
    await everybody_is_due()

    def renew(each):
        if each == login(0):
            token = fleet.store.plain.load(each).token
            new = replace(token, access_token="A.0.2", generation=2, expires_at=clock() + 604800)
            assert fleet.store.plain.apply(each, SaveToken(new, after=1, at=clock()))

    after_each_claim(fleet, renew)
    summary = await fleet.keeper().run_once(100)
    assert (summary.refreshed, summary.skipped) == (2, 1)
    assert login(0) not in [event.login for event in fleet.reported(Refreshed)]


@scenario(2, spread=0.0)
async def test_a_token_without_a_refresh_token_is_reported_once_and_not_claimed_again(fleet):
    record = fleet.store.load(login(0))
    bare = replace(record.token, refresh_token=None, generation=2)
    fleet.store.apply(login(0), SaveToken(bare, 1, at=1.0))
    await fleet.keep_for(7 * DAY, keeper := fleet.keeper())
    assert [event.login for event in fleet.reported(Expiring)] == [login(0)]
    assert keeper.summary.expiring == 1
    assert not (fleet.store.load(login(0))).refreshable


@scenario(5, spread=0.0)
async def test_an_unexpected_error_defers_the_login_for_an_hour(fleet):
    await everybody_is_due(6.5 * DAY)
    record = fleet.store.load(login(2))
    fleet.store.plain._records[login(2)] = replace(record, token=replace(record.token, refresh_token=object()))
    keeper = fleet.keeper()
    with _hushed():
        await fleet.keep_for(1800, keeper)
    assert keeper.summary.refreshed == 4
    (delayed,) = fleet.reported(Delayed)
    assert "TypeError" in delayed.why
    assert (fleet.store.load(login(2))).pending_refresh is None


@scenario(5, spread=0.0)
async def test_a_login_whose_sending_raised_counts_as_unconfirmed_and_is_left_alone(fleet):
    tried = []

    async def odd(request):
        if json.loads(request.body)["refresh_token"] == "R.2.1":
            tried.append(now())
            raise ZeroDivisionError

    fleet.fault = odd
    await everybody_is_due(6.5 * DAY)
    keeper = fleet.keeper()
    with _hushed():
        await fleet.keep_for(1800, keeper)
    assert len(tried) == 1
    assert keeper.summary.refreshed == 4
    (unconfirmed,) = fleet.reported(Unconfirmed)
    assert "ZeroDivisionError" in unconfirmed.why


@scenario(5, spread=0.0)
async def test_a_listener_that_fails_stops_no_refresh(fleet):
    def tell(_event):
        raise RuntimeError("the listener's own secret")

    fleet.events = _Failing(tell)
    await everybody_is_due()
    with _hushed() as log:
        summary = await fleet.keeper().run_once(100)
    assert summary.refreshed == 5
    assert "RuntimeError" in log[0]
    assert "secret" not in "".join(log)


@scenario(3, spread=0.0)
async def test_a_login_that_is_refused_again_and_again_is_tried_less_and_less_often(fleet):
    times = []

    async def busy(request):
        if json.loads(request.body)["refresh_token"] == "R.1.1":
            times.append(now())
            return Response(429, {"retry-after": "1"}, b"slow down")
        return None

    fleet.fault = busy
    await everybody_is_due(5.9 * DAY)
    await fleet.keep_for(DAY, fleet.keeper(idle=60.0))
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(pauses) >= 30
    assert 3000 < max(pauses) <= 3600 + 61
    assert len(times) < 40
    assert len(fleet.trakt.sent) == 2


# ------------------------------------------------------------ the store
def failing(fleet, *verbs):
    """Let the store fail at some verbs until the returned function is called."""
    real = {verb: getattr(fleet.store, verb) for verb in verbs}

    def fail(*_args, **_kwargs):
        raise StoreFailed("the database is gone")

    for verb in verbs:
        setattr(fleet.store, verb, fail)

    def repair():
        for verb, function in real.items():
            setattr(fleet.store, verb, function)

    return repair


def failing_saves(fleet):
    """Let the store fail when a token is to be saved, until the returned function is called."""
    real, gone = fleet.store.apply, [True]

    def fail(login, change):
        if gone and isinstance(change, SaveToken):
            raise StoreFailed("the database is gone")
        return real(login, change)

    fleet.store.apply = fail
    return gone.clear


@scenario(4, spread=0.0)
async def test_a_stopped_keeper_goes_on_until_what_it_holds_is_saved(fleet):
    await everybody_is_due()
    keeper = fleet.keeper()
    repair = failing_saves(fleet)
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(5)
    keeper.stop()
    await asyncio.sleep(20)
    assert fleet.reported(Unsaved)
    assert not fleet.reported(Delayed), "nothing is spent, it would say"
    assert keeper.summary.unsaved == len(fleet.reported(Unsaved))
    repair()
    summary = await task
    assert (summary.unsaved, summary.refreshed) == (0, len(fleet.trakt.sent))
    assert len(fleet.reported(Refreshed)) == summary.refreshed
    for _, account, _ in fleet.trakt.sent:
        assert (fleet.store.load(login(account))).generation == 2


@scenario(1, spread=0.0)
async def test_a_token_that_could_not_be_saved_is_saved_by_the_next_step_of_this_process(fleet):
    await everybody_is_due()
    repair = failing_saves(fleet)
    with pytest.raises(StoreFailed, match="1 new tokens could not be saved"):
        await fleet.keeper().run_once(100)
    repair()
    await asyncio.sleep(0.2 * DAY)  # its token has ended, so it is due
    await fleet.keeper().run_once(100)
    assert [serial for _, _, serial in fleet.trakt.sent] in ([1], [1, 2])
    assert not fleet.trakt.dead
    assert (fleet.store.load(login(0))).generation >= 2


@scenario(4, spread=0.0)
async def test_claims_are_released_if_the_budget_cannot_be_read(fleet):
    await everybody_is_due()
    repair = failing(fleet, "take_budget")
    with pytest.raises(StoreFailed):
        await fleet.keeper().run_once(100)
    assert fleet.store.leases == {}
    repair()
    assert (await fleet.keeper().run_once(100)).refreshed == 4


@scenario(6, spread=0.0)
async def test_a_claim_that_ran_out_while_the_store_was_slow_sends_nothing_twice(fleet):
    await everybody_is_due()
    works = 0

    async def slowly(work):
        nonlocal works
        works += 1
        if works > 2:  # the claim and the budget
            await asyncio.sleep(50)  # longer than the claim
        return work()

    slow = fleet.keeper(in_thread=slowly)
    task = asyncio.create_task(slow.run_once(1))
    await asyncio.sleep(46)
    assert (await fleet.keeper().run_once(100)).refreshed == 6
    await task
    assert len(fleet.trakt.sent) == 6
    assert not fleet.trakt.dead
    assert slow.summary.refreshed == 0


@scenario(1, spread=0.0)
async def test_the_memory_of_a_keeper_holds_nothing_of_what_is_done(fleet):
    keeper = fleet.keeper()
    await fleet.keep_for(60 * DAY, keeper)
    assert keeper.summary.refreshed > 8
    assert keeper._refresher.unsaved == []
    assert keeper.in_flight == 0
    assert fleet.store.leases == {}


@scenario(3, spread=0.0)
async def test_an_unconfirmed_refresh_is_not_reported_as_a_delay(fleet):
    async def lost(request):
        if json.loads(request.body)["refresh_token"] == "R.1.1":
            return NoResponse(sent=True, reason="no answer")
        return None

    fleet.fault = lost
    await everybody_is_due(6.8 * DAY)
    summary = await fleet.keeper().run_once(100)
    assert summary.unconfirmed == 1
    assert [event.login for event in fleet.reported(Unconfirmed)] == [login(1)]
    pending_refresh = (fleet.store.load(login(1))).pending_refresh
    assert pending_refresh == PendingRefresh(1, 1, pytest.approx(clock(), abs=5), this_process(), unconfirmed=True)


class _Failing(list):
    """A list of events that fails to take one."""

    def __init__(self, tell):
        self.append = tell


class _hushed:  # noqa: N801 - used as a word
    """Take the library's log away, and return its lines."""

    def __enter__(self):
        self.lines = []
        self.handler = logging.Handler(logging.WARNING)
        self.handler.emit = lambda record: self.lines.append(record.getMessage())
        logging.getLogger("traktauth").addHandler(self.handler)
        return self.lines

    def __exit__(self, *_):
        logging.getLogger("traktauth").removeHandler(self.handler)


def test_a_pace_is_kept_by_a_step_too():
    @scenario(30, spread=0.0)
    async def reported(fleet):
        await everybody_is_due()
        assert (await fleet.keeper(rate_limit=RateLimit(7, 61.0)).run_once(100)).refreshed == 7

    reported()
