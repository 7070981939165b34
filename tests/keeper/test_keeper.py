"""The keeper refreshes what is due, once, within the service's rate limit, and loses no login."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from keeper.fleet_setup import APP, DAY, Mortal, clock, login
from keeper.virtual_fleet import scenario
from support.virtual import now
from traktauth.client.driver.bound_store import BoundStore
from traktauth.client.driver.threads import in_thread
from traktauth.errors import AppRejected, StoreFailed
from traktauth.flow.effects import NoResponse, Send, Shielded, Sleep
from traktauth.keeper import (
    Delayed,
    Expired,
    Expiring,
    KeeperConfig,
    Outage,
    RateLimit,
    Recovered,
    Unconfirmed,
    refresh_due,
)
from traktauth.keeper.driver import KeeperDriver
from traktauth.models import PendingRefresh, Sender, find_service
from traktauth.models.changes import BeginRefresh, SaveToken, SetRefreshable
from traktauth.stores.memory import MemoryStore
from traktauth.wire.messages import Request, Response


@pytest.mark.slow
@scenario(200)
async def test_every_login_is_refreshed_shortly_before_its_advisory_window(fleet):
    await fleet.keep_for(30 * DAY, fleet.keeper())
    assert not fleet.trakt.dead
    refreshes = len(fleet.trakt.sent)
    interval = 0.9 * fleet.life
    assert 200 * int(29 * DAY / interval) <= refreshes <= 1.05 * 200 * 30 * DAY / interval
    for number in range(200):
        token = (fleet.store.load(login(number))).token
        assert token.expires_at - clock() > 0.09 * fleet.life


@scenario(40, spread=0.0)
async def test_accounts_signed_in_at_one_moment_come_due_apart(fleet):
    await fleet.keep_for(7 * DAY, fleet.keeper())
    times = sorted(at for at, _, _ in fleet.trakt.sent)
    assert len(times) == 40
    assert times[-1] - times[0] > 0.02 * fleet.life


@scenario(100, spread=0.0)
async def test_keepers_of_one_store_share_the_pace(fleet):
    pace = RateLimit(20, 61.0)
    await fleet.keep_for(
        8 * DAY, fleet.keeper(rate_limit=pace), fleet.keeper(rate_limit=pace), fleet.keeper(rate_limit=pace)
    )
    times = [at for at, _, _ in fleet.trakt.sent]
    assert len(times) >= 100
    count, last = 0, float("-inf")
    for at in times:  # the service's own counter
        count = 1 if at - last > 60 else count + 1
        last = at
        assert count <= 20


@scenario(64, spread=0.0)
async def test_no_more_are_on_the_wire_than_allowed_and_a_claim_serves_many(fleet):
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
    assert len([count for count in fleet.store.statements["claim"] if count]) <= 8


@scenario(10)
async def test_once_refreshes_due_logins_and_returns(fleet):
    await asyncio.sleep(7 * DAY - 1)
    summary = await fleet.keeper().run_once(4)
    assert summary.refreshed == 4
    assert (await fleet.keeper().run_once(100)).refreshed == 6
    assert (await fleet.keeper().run_once(100)).tried == 0


@scenario(30, spread=0.0)
async def test_once_returns_when_the_pace_forbids_more(fleet):
    await asyncio.sleep(6.9 * DAY)
    began = now()
    summary = await fleet.keeper(rate_limit=RateLimit(20, 61.0)).run_once(100)
    assert summary.refreshed == 20
    assert now() - began < 10
    assert not fleet.store.leases


@pytest.mark.slow
@scenario(300)
async def test_a_day_without_trakt_loses_no_login_and_no_stampede_follows(fleet):
    down_from, down_until = clock() + 6 * DAY, clock() + 7 * DAY
    asked = []

    async def down(request):
        if down_from <= clock() < down_until:
            asked.append(json.loads(request.body)["refresh_token"])
            return NoResponse(sent=True, reason="the connection broke off")
        return None

    fleet.fault = down
    await fleet.keep_for(14 * DAY, fleet.keeper(rate_limit=RateLimit(30, 61.0)))
    assert not fleet.trakt.dead
    spent = [token for token in asked if token.startswith("R.")]
    assert len(spent) <= 33  # what was on the wire when it went down, then questions that spend nothing
    assert len(fleet.reported(Outage)) == len(fleet.reported(Recovered)) == 1
    after = [at for at, _, _ in fleet.trakt.sent if at >= down_until]
    assert max(Counter(int(at) for at in after).values()) <= 30
    assert fleet.resent_while_alive() == []
    for number in range(300):
        record = fleet.store.load(login(number))
        assert record.refreshable
        assert record.token.expires_at > clock()


@scenario(5)
async def test_a_lost_response_is_reported_once_and_sent_again_only_when_the_token_expires(fleet):
    lost = []

    async def swallow(request):
        token = json.loads(request.body)["refresh_token"]
        if token == "R.3.1" and not lost:
            lost.append(clock())
            return NoResponse(sent=True, reason="no answer")  # it never arrived
        return None

    fleet.fault = swallow
    await fleet.keep_for(9 * DAY, fleet.keeper())
    assert [event.login for event in fleet.reported(Unconfirmed)] == [login(3)]
    again = [at for at, account, serial in fleet.trakt.sent if (account, serial) == (3, 1)]
    assert len(again) == 1
    assert again[0] >= fleet.reported(Unconfirmed)[0].good_until
    assert not fleet.trakt.dead
    assert not fleet.reported(Expired)


@scenario(5)
async def test_a_lost_response_to_a_request_that_arrived_ends_the_login_and_is_reported_once(fleet):
    async def swallow(request):
        if json.loads(request.body)["refresh_token"] == "R.3.1" and not fleet.reported(Unconfirmed):
            fleet.trakt.receive(request)
            return NoResponse(sent=True, reason="no answer")
        return None

    fleet.fault = swallow
    await fleet.keep_for(20 * DAY, fleet.keeper(), fleet.keeper())
    assert [event.login for event in fleet.reported(Expired)] == [login(3)]
    assert fleet.trakt.dead == {3}
    assert fleet.resent_while_alive() == []


@scenario(4)
async def test_a_login_that_trakt_refuses_is_reported_while_its_token_is_valid(fleet):
    fleet.trakt.dead.add(2)
    record = fleet.store.load(login(2))
    await fleet.keep_for(6 * DAY, fleet.keeper(), fleet.keeper())
    (dying,) = fleet.reported(Expiring)
    assert (dying.login, dying.good_until) == (login(2), record.token.expires_at)
    assert not (fleet.store.load(login(2))).refreshable
    assert fleet.reported(Expired) == []
    await fleet.keep_for(14 * DAY, fleet.keeper(), fleet.keeper())
    assert [event.login for event in fleet.reported(Expired)] == [login(2)]
    assert len(fleet.reported(Expiring)) == 1


@scenario(4)
async def test_a_login_that_another_program_marked_is_reported_too(fleet):
    fleet.store.apply(login(1), SetRefreshable(1, "Trakt refused its refresh token"))
    await fleet.keep_for(20 * DAY, fleet.keeper(), fleet.keeper())
    assert [event.login for event in fleet.reported(Expiring)] == [login(1)]
    assert "Trakt refused its refresh token" in fleet.reported(Expiring)[0].why
    assert [event.login for event in fleet.reported(Expired)] == [login(1)]
    assert all(account != 1 for _, account, _ in fleet.trakt.sent)


@scenario(50, spread=0.0)
async def test_busy_is_obeyed_by_every_keeper(fleet):
    refused = []

    async def busy(_request):
        if not refused:
            refused.append(clock())
            return Response(429, {"x-retry-after": "600"}, b"slow down")
        return None

    fleet.fault = busy
    fleet.delay = 0.01
    await fleet.keep_for(7 * DAY, fleet.keeper(in_flight=1), fleet.keeper(in_flight=1))
    between = [at for at, _, _ in fleet.trakt.sent if refused[0] + 1 < at < refused[0] + 600]
    assert between == []
    assert len(fleet.trakt.sent) == 50
    assert fleet.reported(Delayed)


@scenario(3)
async def test_a_rejected_app_stops_the_keeper_and_spends_nothing(fleet):
    async def reject(_request):
        return Response(401, {}, b'{"error":"invalid_client","error_description":"invalid client_secret"}')

    fleet.fault = reject
    keeper = fleet.keeper()
    with pytest.raises(AppRejected):
        await keeper.run()
    for number in range(3):
        record = fleet.store.load(login(number))
        assert record.pending_refresh is None
        assert record.refreshable


@scenario(60, spread=0.0)
async def test_the_claims_of_a_killed_keeper_are_refreshed_once_by_another_unless_they_were_sent(fleet):
    fleet.delay = 5.0
    mortal = Mortal()
    doomed, survivor = fleet.keeper(mortal=mortal, in_flight=16), fleet.keeper(in_flight=16)
    await asyncio.sleep(6.5 * DAY)
    task = asyncio.create_task(doomed.run())
    await asyncio.sleep(17)  # it has begun slowly, and has all on the wire that it may
    mortal.killed = True  # its requests are on the wire, and arrive
    on_the_wire = {number for number in range(60) if (fleet.store.load(login(number))).pending_refresh is not None}
    assert len(on_the_wire) == 16
    await fleet.keep_for(0.4 * DAY, survivor)
    assert not fleet.trakt.dead
    assert {account for _, account, _ in fleet.trakt.sent} == set(range(60))
    assert set(Counter((account, serial) for _, account, serial in fleet.trakt.sent).values()) == {1}
    renewed = {number for number in range(60) if (fleet.store.load(login(number))).generation == 2}
    assert renewed == set(range(60)) - on_the_wire, "each of the others once"
    await fleet.keep_for(DAY, survivor2 := fleet.keeper())
    assert survivor2.summary.expired == len(on_the_wire)  # each had arrived, and its answer died with the keeper
    assert fleet.resent_while_alive() == []
    doomed.stop()
    mortal.bury()
    await task


@scenario(6)
async def test_a_client_that_holds_the_lock_is_left_alone(fleet):
    await asyncio.sleep(6.9 * DAY)
    with fleet.store.lock(login(1), 0.0) as held:
        assert held
        summary = await fleet.keeper().run_once(100)
    assert summary.refreshed == 5
    assert (fleet.store.load(login(1))).generation == 1


@scenario(6)
async def test_a_refresh_begun_by_another_program_is_skipped(fleet):
    await asyncio.sleep(6.9 * DAY)
    claim = fleet.store.claim

    def claim_too_late(*args, **kwargs):
        claimed = claim(*args, **kwargs)
        for each, _ in claimed:
            fleet.store.plain.apply(each, BeginRefresh(PendingRefresh(1, 1, clock(), Sender("elsewhere"))))
        return claimed

    fleet.store.claim = claim_too_late
    summary = await fleet.keeper().run_once(100)
    assert summary.skipped == 6
    assert fleet.trakt.sent == []


@scenario(8, spread=0.0)
async def test_a_token_that_cannot_be_saved_is_held_and_saved_when_the_store_works(fleet):
    broken, fails = False, True
    apply, claim = fleet.store.apply, fleet.store.claim

    def fail_to_save(login, change):
        nonlocal broken
        if fails and isinstance(change, SaveToken):
            broken = True  # it goes down between the sending and the save
            raise StoreFailed("the database is gone")
        return apply(login, change)

    def claim_or_fail(*args, **kwargs):
        if broken:
            raise StoreFailed("the database is gone")
        return claim(*args, **kwargs)

    fleet.store.apply, fleet.store.claim = fail_to_save, claim_or_fail
    await asyncio.sleep(6.05 * DAY)
    keeper = fleet.keeper()
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(0.45 * DAY)
    assert len(fleet.trakt.sent) >= 1
    broken = fails = False
    await asyncio.sleep(0.5 * DAY)
    keeper.stop()
    await task
    assert not fleet.trakt.dead
    assert set(Counter((account, serial) for _, account, serial in fleet.trakt.sent).values()) == {1}
    for number in range(8):
        assert (fleet.store.load(login(number))).generation == 2


@scenario(2)
async def test_a_store_that_fails_to_claim_is_asked_again(fleet):
    await asyncio.sleep(6.9 * DAY)
    claim, failures = fleet.store.claim, [1, 2, 3]

    def fail(*args, **kwargs):
        if failures:
            failures.pop()
            raise StoreFailed("the database is gone")
        return claim(*args, **kwargs)

    fleet.store.claim = fail
    await fleet.keep_for(600, fleet.keeper())
    assert len(fleet.trakt.sent) == 2
    failures.append(1)
    with pytest.raises(StoreFailed):
        await fleet.keeper().run_once(5)


def test_a_store_that_no_fleet_can_share_is_refused():
    with pytest.raises(ValueError, match="postgresql"):
        asyncio.run(refresh_due(MemoryStore(), app=APP))


@pytest.mark.parametrize("wrong", [{"in_flight": 0}, {"lease": 20.0}])
def test_a_plan_that_cannot_work_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        KeeperConfig(APP, find_service("trakt"), **wrong)


def test_a_rate_limit_of_nothing_is_refused():
    with pytest.raises(ValueError, match="limit must be at least 1, not 0"):
        RateLimit(0)


def test_the_teardown_of_the_event_loop_waits_for_a_refresh_that_was_sent():
    done = []

    async def main():
        sent = asyncio.Event()

        async def send(_):
            sent.set()
            await asyncio.sleep(0.05)
            return Response(200, {}, b"")

        def shielded():
            response = yield Send(Request("POST", "https://trakt.example/oauth/token", {}, b""))
            yield Sleep(0.01)
            done.append(response.status)

        def flow():
            yield Shielded(shielded)
            done.append("goes on")

        driver = KeeperDriver(BoundStore(MemoryStore(), login(1), clock), send, in_thread)
        refresh = asyncio.create_task(driver.run(flow()))
        await sent.wait()
        return refresh

    assert asyncio.run(main()).cancelled()
    assert done == [200]
