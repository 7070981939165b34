"""The keeper renews what is due, once, at the service's pace, and loses nobody."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from keeper.givens import APP, DAY, Mortal, clock, login
from keeper.story import story
from support.virtual import now
from traktauth.errors import AppRejected, StoreFailed
from traktauth.flow.effects import NoReply
from traktauth.keeper import Dead, Delayed, Dying, Outage, Pace, Plan, Recovered, Unconfirmed, renew_due
from traktauth.models import Renewal, find_service
from traktauth.stores.memory import MemoryStore
from traktauth.wire.messages import Reply


@story(200)
async def test_every_login_is_renewed_before_its_advisory_window_and_not_much_earlier(fleet):
    await fleet.keep_for(30 * DAY, fleet.keeper())
    assert not fleet.trakt.dead
    renewals = len(fleet.trakt.sent)
    interval = 0.9 * fleet.life
    assert 200 * int(29 * DAY / interval) <= renewals <= 1.05 * 200 * 30 * DAY / interval
    for number in range(200):
        token = (await fleet.store.load(login(number))).token
        assert token.expires_at - clock() > 0.09 * fleet.life


@story(40, spread=0.0)
async def test_accounts_signed_in_at_one_moment_come_due_apart(fleet):
    await fleet.keep_for(7 * DAY, fleet.keeper())
    times = sorted(at for at, _, _ in fleet.trakt.sent)
    assert len(times) == 40
    assert times[-1] - times[0] > 0.02 * fleet.life


@story(100, spread=0.0)
async def test_keepers_of_one_store_share_the_pace(fleet):
    pace = Pace(20, 61.0)
    await fleet.keep_for(8 * DAY, fleet.keeper(pace=pace), fleet.keeper(pace=pace), fleet.keeper(pace=pace))
    times = [at for at, _, _ in fleet.trakt.sent]
    assert len(times) >= 100
    count, last = 0, float("-inf")
    for at in times:  # the service's own counter
        count = 1 if at - last > 60 else count + 1
        last = at
        assert count <= 20


@story(64, spread=0.0)
async def test_no_more_are_on_the_wire_than_allowed_and_statements_serve_many(fleet):
    on_the_wire = most = 0
    real = fleet.send

    async def send(request):
        nonlocal on_the_wire, most
        on_the_wire += 1
        most = max(most, on_the_wire)
        try:
            return await real(request)
        finally:
            on_the_wire -= 1

    fleet.send = send
    await asyncio.sleep(6.5 * DAY)  # everybody is due
    await fleet.keep_for(600, fleet.keeper(in_flight=32))
    assert most == 32
    for statement in ("begin", "save", "release"):
        assert sum(fleet.store.statements[statement]) == 64
        assert len(fleet.store.statements[statement]) <= 8


@story(10)
async def test_once_renews_what_is_due_and_returns(fleet):
    await asyncio.sleep(7 * DAY - 1)
    summary = await fleet.keeper().run_once(4)
    assert summary.renewed == 4
    assert (await fleet.keeper().run_once(100)).renewed == 6
    assert (await fleet.keeper().run_once(100)).tried == 0


@story(30, spread=0.0)
async def test_once_returns_when_the_pace_forbids_more(fleet):
    await asyncio.sleep(6.9 * DAY)
    began = now()
    summary = await fleet.keeper(pace=Pace(20, 61.0)).run_once(100)
    assert summary.renewed == 20
    assert now() - began < 10
    assert not fleet.store.leases


@story(300)
async def test_a_day_without_trakt_loses_nobody_and_no_stampede_follows(fleet):
    down_from, down_until = clock() + 6 * DAY, clock() + 7 * DAY
    asked = []

    async def down(request):
        if down_from <= clock() < down_until:
            asked.append(json.loads(request.body)["refresh_token"])
            return NoReply(sent=True, reason="the connection broke off")
        return None

    fleet.fault = down
    await fleet.keep_for(14 * DAY, fleet.keeper(pace=Pace(30, 61.0)))
    assert not fleet.trakt.dead
    spent = [token for token in asked if token.startswith("R.")]
    assert len(spent) <= 33  # what was on the wire when it went down, then questions that spend nothing
    assert len(fleet.told(Outage)) == len(fleet.told(Recovered)) == 1
    after = [at for at, _, _ in fleet.trakt.sent if at >= down_until]
    assert max(Counter(int(at) for at in after).values()) <= 30
    assert fleet.resent_while_alive() == []
    for number in range(300):
        record = await fleet.store.load(login(number))
        assert record.renewable
        assert record.token.expires_at > clock()


@story(5)
async def test_a_lost_answer_is_told_once_and_sent_again_only_at_the_tokens_end(fleet):
    lost = []

    async def swallow(request):
        token = json.loads(request.body)["refresh_token"]
        if token == "R.3.1" and not lost:
            lost.append(clock())
            return NoReply(sent=True, reason="no answer")  # it never arrived
        return None

    fleet.fault = swallow
    await fleet.keep_for(9 * DAY, fleet.keeper())
    assert [event.login for event in fleet.told(Unconfirmed)] == [login(3)]
    again = [at for at, account, serial in fleet.trakt.sent if (account, serial) == (3, 1)]
    assert len(again) == 1
    assert again[0] >= fleet.told(Unconfirmed)[0].good_until
    assert not fleet.trakt.dead
    assert not fleet.told(Dead)


@story(5)
async def test_a_lost_answer_whose_request_had_arrived_ends_in_a_death_that_is_told_once(fleet):
    async def swallow(request):
        if json.loads(request.body)["refresh_token"] == "R.3.1" and not fleet.told(Unconfirmed):
            fleet.trakt.receive(request)
            return NoReply(sent=True, reason="no answer")
        return None

    fleet.fault = swallow
    await fleet.keep_for(20 * DAY, fleet.keeper(), fleet.keeper())
    assert [event.login for event in fleet.told(Dead)] == [login(3)]
    assert fleet.trakt.dead == {3}
    assert fleet.resent_while_alive() == []


@story(4)
async def test_a_login_that_trakt_refuses_is_told_while_its_token_still_lives(fleet):
    fleet.trakt.dead.add(2)
    record = await fleet.store.load(login(2))
    await fleet.keep_for(6 * DAY, fleet.keeper(), fleet.keeper())
    (dying,) = fleet.told(Dying)
    assert (dying.login, dying.good_until) == (login(2), record.token.expires_at)
    assert not (await fleet.store.load(login(2))).renewable
    assert fleet.told(Dead) == []
    await fleet.keep_for(14 * DAY, fleet.keeper(), fleet.keeper())
    assert [event.login for event in fleet.told(Dead)] == [login(2)]
    assert len(fleet.told(Dying)) == 1


@story(4)
async def test_a_login_that_somebody_else_marked_is_told_too(fleet):
    await fleet.store.mark(login(1), 1, "Trakt refused its refresh token")
    await fleet.keep_for(20 * DAY, fleet.keeper(), fleet.keeper())
    assert [event.login for event in fleet.told(Dying)] == [login(1)]
    assert "Trakt refused its refresh token" in fleet.told(Dying)[0].why
    assert [event.login for event in fleet.told(Dead)] == [login(1)]
    assert all(account != 1 for _, account, _ in fleet.trakt.sent)


@story(50, spread=0.0)
async def test_busy_is_obeyed_by_every_keeper(fleet):
    refused = []

    async def busy(_request):
        if not refused:
            refused.append(clock())
            return Reply(429, {"x-retry-after": "600"}, b"slow down")
        return None

    fleet.fault = busy
    fleet.delay = 0.01
    await fleet.keep_for(7 * DAY, fleet.keeper(in_flight=1), fleet.keeper(in_flight=1))
    between = [at for at, _, _ in fleet.trakt.sent if refused[0] + 1 < at < refused[0] + 600]
    assert between == []
    assert len(fleet.trakt.sent) == 50
    assert fleet.told(Delayed)


@story(3)
async def test_a_rejected_app_stops_the_keeper_and_spends_nothing(fleet):
    async def reject(_request):
        return Reply(401, {}, b'{"error":"invalid_client","error_description":"invalid client_secret"}')

    fleet.fault = reject
    keeper = fleet.keeper()
    with pytest.raises(AppRejected):
        await keeper.run()
    for number in range(3):
        record = await fleet.store.load(login(number))
        assert record.renewal is None
        assert record.renewable


@story(60, spread=0.0)
async def test_a_killed_keepers_claims_are_renewed_once_by_the_other_save_those_on_the_wire(fleet):
    fleet.delay = 5.0
    mortal = Mortal()
    doomed, survivor = fleet.keeper(mortal=mortal, in_flight=16), fleet.keeper(in_flight=16)
    await asyncio.sleep(6.5 * DAY)
    task = asyncio.create_task(doomed.run())
    await asyncio.sleep(17)  # it has begun slowly, and has all on the wire that it may
    mortal.killed = True  # its requests are on the wire, and arrive
    on_the_wire = {number for number in range(60) if (await fleet.store.load(login(number))).renewal is not None}
    assert len(on_the_wire) == 16
    await fleet.keep_for(0.4 * DAY, survivor)
    assert not fleet.trakt.dead
    assert {account for _, account, _ in fleet.trakt.sent} == set(range(60))
    assert set(Counter((account, serial) for _, account, serial in fleet.trakt.sent).values()) == {1}
    renewed = {number for number in range(60) if (await fleet.store.load(login(number))).generation == 2}
    assert renewed == set(range(60)) - on_the_wire, "each of the others once"
    await fleet.keep_for(DAY, survivor2 := fleet.keeper())
    assert survivor2.tally.dead == len(on_the_wire)  # each had arrived, and its answer died with the keeper
    assert fleet.resent_while_alive() == []
    doomed.stop()
    mortal.bury()
    await task


@story(6)
async def test_a_client_that_holds_the_lock_is_left_alone(fleet):
    await asyncio.sleep(6.9 * DAY)
    async with fleet.store.exclusive(login(1), 0.0) as held:
        assert held
        summary = await fleet.keeper().run_once(100)
    assert summary.renewed == 5
    assert (await fleet.store.load(login(1))).generation == 1


@story(6)
async def test_a_renewal_begun_by_somebody_else_is_passed_over(fleet):
    await asyncio.sleep(6.9 * DAY)
    claim = fleet.store.claim

    async def claim_too_late(*args, **kwargs):
        claimed = await claim(*args, **kwargs)
        for each, _ in claimed:
            fleet.store.plain.begin(each, Renewal(1, 1, clock(), "elsewhere"))
        return claimed

    fleet.store.claim = claim_too_late
    summary = await fleet.keeper().run_once(100)
    assert summary.passed == 6
    assert fleet.trakt.sent == []


@story(8, spread=0.0)
async def test_a_pair_that_cannot_be_saved_is_held_and_saved_when_the_store_is_well(fleet):
    broken = False
    save_many, claim = fleet.store.save_many, fleet.store.claim

    async def save(savings, *, at):
        nonlocal broken
        broken = True  # it goes down between the sending and the save
        raise StoreFailed("the database is gone")

    async def claim_or_fail(*args, **kwargs):
        if broken:
            raise StoreFailed("the database is gone")
        return await claim(*args, **kwargs)

    fleet.store.save_many, fleet.store.claim = save, claim_or_fail
    await asyncio.sleep(6.05 * DAY)
    keeper = fleet.keeper()
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(0.45 * DAY)
    assert len(fleet.trakt.sent) >= 1
    broken = False
    fleet.store.save_many = save_many
    await asyncio.sleep(0.5 * DAY)
    keeper.stop()
    await task
    assert not fleet.trakt.dead
    assert set(Counter((account, serial) for _, account, serial in fleet.trakt.sent).values()) == {1}
    for number in range(8):
        assert (await fleet.store.load(login(number))).generation == 2


@story(2)
async def test_a_store_that_fails_to_claim_is_asked_again(fleet):
    await asyncio.sleep(6.9 * DAY)
    claim, failures = fleet.store.claim, [1, 2, 3]

    async def fail(*args, **kwargs):
        if failures:
            failures.pop()
            raise StoreFailed("the database is gone")
        return await claim(*args, **kwargs)

    fleet.store.claim = fail
    await fleet.keep_for(600, fleet.keeper())
    assert len(fleet.trakt.sent) == 2
    failures.append(1)
    with pytest.raises(StoreFailed):
        await fleet.keeper().run_once(5)


def test_a_store_that_no_fleet_can_share_is_refused():
    with pytest.raises(ValueError, match="postgresql"):
        asyncio.run(renew_due(MemoryStore(), app=APP))


@pytest.mark.parametrize("wrong", [{"in_flight": 0}, {"lease": 20.0}])
def test_a_plan_that_cannot_work_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Plan(APP, find_service("trakt"), **wrong)


def test_a_pace_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Pace(0)
