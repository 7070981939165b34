"""What a keeper does when something goes wrong that is nobody's renewal: it spends nothing and tells nothing false."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from dataclasses import replace

import pytest

from keeper.givens import DAY, clock, login
from keeper.story import story
from support.virtual import now
from traktauth.errors import StoreFailed
from traktauth.flow.effects import NoReply
from traktauth.keeper import Dead, Delayed, Dying, Outage, Pace, Recovered, Renewed, Unconfirmed, Unsaved
from traktauth.models import Renewal
from traktauth.stores.fleet import Saving
from traktauth.wire.messages import Reply

PAGE = {"content-type": "text/html"}


def refresh_tokens(asked):
    return [token for token in asked if token.startswith("R.")]


async def everybody_is_due(seconds=6.9 * DAY):
    await asyncio.sleep(seconds)


# ------------------------------------------------------------ the service
@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, PAGE, b"<html>Sign in to the hotel's network</html>"),
        Reply(403, PAGE, b"<html>Just a moment</html>"),
        Reply(404, PAGE, b"<html>Not found</html>"),
        Reply(502, {}, b""),
        NoReply(sent=True, reason="no answer"),
        NoReply(sent=False, reason="no route"),
    ],
    ids=["portal", "challenge", "not found", "bad gateway", "no answer", "no route"],
)
def test_whatever_answers_in_trakts_place_costs_one_renewal_and_no_login(reply):
    @story(100, spread=0.0)
    async def told(fleet):
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
        assert len(fleet.told(Outage)) == len(fleet.told(Recovered)) == 1
        assert not fleet.told(Dead)
        assert not fleet.trakt.dead
        assert fleet.resent_while_alive() == []
        assert {account for _, account, _ in fleet.trakt.sent} >= set(range(99))

    told()


@story(200, spread=0.0)
async def test_what_fails_all_at_once_is_one_failure_and_the_next_question_comes_soon(fleet):
    cut = []

    async def blink(_request):
        if cut and cut[0] <= now() < cut[0] + 1:
            return NoReply(sent=False, reason="the network blinked")
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
    assert [event.after < 10 for event in fleet.told(Recovered)] == [True]
    assert keeper.tally.renewed == 200


@story(3, spread=0.0)
async def test_a_step_that_was_asked_to_wait_leaves_word_for_the_next(fleet):
    async def busy(_request):
        return Reply(429, {"retry-after": "600"}, b"slow down")

    fleet.fault = busy
    await everybody_is_due()
    assert (await fleet.keeper().run_once(1)).delayed == 1
    fleet.fault = None
    await asyncio.sleep(60)
    assert (await fleet.keeper().run_once(9)).tried == 0
    await asyncio.sleep(3600)
    assert (await fleet.keeper().run_once(9)).renewed == 3


@story(50, spread=0.0)
async def test_steps_of_a_scheduler_do_not_hammer_a_service_that_is_down(fleet):
    asked = []

    async def down(request):
        asked.append(json.loads(request.body)["refresh_token"])
        return NoReply(sent=True, reason="no answer")

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

    async def claimed(*args, **kwargs):
        found = await claim(*args, **kwargs)
        for each, _ in found:
            happens(each)
        return found

    fleet.store.claim = claimed


@story(4, spread=0.0)
async def test_who_signs_out_between_claim_and_sending_is_not_told_to_be_dying(fleet):
    await everybody_is_due()

    def end(each):
        if each == login(0):
            fleet.store.plain.forget(each, 1)
        if each == login(1):
            fleet.store.plain.hand_over(each, 1, "elsewhere:")

    after_each_claim(fleet, end)
    summary = await fleet.keeper().run_once(100)
    assert (summary.renewed, summary.passed) == (2, 2)
    assert not fleet.told(Dying)
    assert not fleet.told(Dead)
    assert {account for _, account, _ in fleet.trakt.sent} == {2, 3}


@story(3, spread=0.0)
async def test_what_somebody_else_has_renewed_since_the_claim_is_not_counted_as_ours(fleet):
    await everybody_is_due()

    def renew(each):
        if each == login(0):
            token = fleet.store.plain.load(each).token
            new = replace(token, access_token="A.0.2", generation=2, expires_at=clock() + 604800)
            assert fleet.store.plain.save(each, new, after=1, at=clock())

    after_each_claim(fleet, renew)
    summary = await fleet.keeper().run_once(100)
    assert (summary.renewed, summary.passed) == (2, 1)
    assert login(0) not in [event.login for event in fleet.told(Renewed)]


@story(2, spread=0.0)
async def test_a_pair_without_a_refresh_token_is_told_once_and_not_taken_up_again(fleet):
    record = await fleet.store.load(login(0))
    bare = replace(record.token, refresh_token=None, generation=2)
    await fleet.store.save_many([Saving(login(0), bare, 1)], at=clock())
    await fleet.keep_for(7 * DAY, keeper := fleet.keeper())
    assert [event.login for event in fleet.told(Dying)] == [login(0)]
    assert keeper.tally.dying == 1
    assert not (await fleet.store.load(login(0))).renewable


@story(5, spread=0.0)
async def test_a_login_that_nobody_foresaw_how_to_treat_is_left_alone_for_an_hour(fleet):
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
    assert keeper.tally.renewed == 4
    (delayed,) = fleet.told(Delayed)
    assert "ZeroDivisionError" in delayed.why


@story(5, spread=0.0)
async def test_a_listener_that_fails_stops_no_renewal(fleet):
    def tell(_event):
        raise RuntimeError("the listener's own secret")

    fleet.events = _Failing(tell)
    await everybody_is_due()
    with _hushed() as log:
        summary = await fleet.keeper().run_once(100)
    assert summary.renewed == 5
    assert "RuntimeError" in log[0]
    assert "secret" not in "".join(log)


@story(3, spread=0.0)
async def test_a_login_that_is_refused_again_and_again_is_tried_less_and_less_often(fleet):
    times = []

    async def busy(request):
        if json.loads(request.body)["refresh_token"] == "R.1.1":
            times.append(now())
            return Reply(429, {"retry-after": "1"}, b"slow down")
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

    def mend():
        for verb, function in real.items():
            setattr(fleet.store, verb, function)

    return mend


@story(4, spread=0.0)
async def test_a_stopped_keeper_goes_on_until_what_it_holds_is_saved(fleet):
    await everybody_is_due()
    keeper = fleet.keeper()
    mend = failing(fleet, "save_many")
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(5)
    keeper.stop()
    await asyncio.sleep(20)
    assert fleet.told(Unsaved)
    assert not fleet.told(Delayed), "nothing is spent, it would say"
    assert keeper.tally.unsaved == len(fleet.told(Unsaved))
    mend()
    summary = await task
    assert (summary.unsaved, summary.renewed) == (0, len(fleet.trakt.sent))
    assert len(fleet.told(Renewed)) == summary.renewed
    for _, account, _ in fleet.trakt.sent:
        assert (await fleet.store.load(login(account))).generation == 2


@story(1, spread=0.0)
async def test_a_pair_that_cannot_be_saved_to_the_end_is_no_success_and_the_next_step_here_saves_it(fleet):
    await everybody_is_due()
    mend = failing(fleet, "save_many")
    with pytest.raises(StoreFailed, match="1 new pairs could not be saved"):
        await fleet.keeper().run_once(100)
    mend()
    await asyncio.sleep(0.2 * DAY)  # its token has ended, so it is due
    await fleet.keeper().run_once(100)
    assert [serial for _, _, serial in fleet.trakt.sent] in ([1], [1, 2])
    assert not fleet.trakt.dead
    assert (await fleet.store.load(login(0))).generation >= 2


@story(4, spread=0.0)
async def test_claims_are_given_back_where_the_budget_cannot_be_read(fleet):
    await everybody_is_due()
    mend = failing(fleet, "take")
    with pytest.raises(StoreFailed):
        await fleet.keeper().run_once(100)
    assert fleet.store.leases == {}
    mend()
    assert (await fleet.keeper().run_once(100)).renewed == 4


@story(6, spread=0.0)
async def test_a_claim_that_ran_out_while_the_store_was_slow_sends_nothing_twice(fleet):
    await everybody_is_due()
    begin = fleet.store.begin_many

    async def slowly(renewals):
        await asyncio.sleep(50)  # longer than the claim
        return await begin(renewals)

    fleet.store.begin_many = slowly
    slow = fleet.keeper()
    task = asyncio.create_task(slow.run_once(1))
    await asyncio.sleep(46)
    fleet.store.begin_many = begin
    assert (await fleet.keeper().run_once(100)).renewed == 6
    await task
    assert len(fleet.trakt.sent) == 6
    assert not fleet.trakt.dead
    assert slow.tally.renewed == 0


@story(1, spread=0.0)
async def test_the_memory_of_a_keeper_holds_nothing_of_what_is_done(fleet):
    keeper = fleet.keeper()
    await fleet.keep_for(60 * DAY, keeper)
    assert keeper.tally.renewed > 8
    renewing = keeper._renewing
    assert renewing._claimed._known == {}
    assert renewing.unsaved == []
    assert len(keeper._flying) == 0
    assert fleet.store.leases == {}


@story(3, spread=0.0)
async def test_an_unconfirmed_renewal_is_no_delay(fleet):
    async def lost(request):
        if json.loads(request.body)["refresh_token"] == "R.1.1":
            return NoReply(sent=True, reason="no answer")
        return None

    fleet.fault = lost
    await everybody_is_due(6.8 * DAY)
    summary = await fleet.keeper().run_once(100)
    assert summary.unconfirmed == 1
    assert [event.login for event in fleet.told(Unconfirmed)] == [login(1)]
    assert (await fleet.store.load(login(1))).renewal == Renewal(
        1, 1, pytest.approx(clock(), abs=5), (await fleet.store.load(login(1))).renewal.by
    )


class _Failing(list):
    """A list of events that fails to take one."""

    def __init__(self, tell):
        self.append = tell


class _hushed:  # noqa: N801 - used as a word
    """Take the library's log away, and return its lines."""

    def __enter__(self):
        self.lines = []
        self.handler = logging.Handler()
        self.handler.emit = lambda record: self.lines.append(record.getMessage())
        logging.getLogger("traktauth").addHandler(self.handler)
        return self.lines

    def __exit__(self, *_):
        logging.getLogger("traktauth").removeHandler(self.handler)


def test_a_pace_is_kept_by_a_step_too():
    @story(30, spread=0.0)
    async def told(fleet):
        await everybody_is_due()
        assert (await fleet.keeper(pace=Pace(7, 61.0)).run_once(100)).renewed == 7

    told()
