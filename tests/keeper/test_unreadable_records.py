"""Unreadable records, interrupted moves and store failures are reported, and do not delay other logins."""

from __future__ import annotations

import asyncio

import pytest

from keeper.fleet_setup import DAY, clock, login
from keeper.virtual_fleet import scenario
from traktauth.errors import StoreFailed
from traktauth.keeper import Delayed, Expired, RateLimit, Refreshed, Resumed, Stalled
from traktauth.models.changes import BeginRefresh
from traktauth.models.record import PendingRefresh, Sender


def damage(fleet, *numbers):
    """Let the records of some logins be unreadable, and those logins be the first that are due."""
    broken, claim, mended = {login(number) for number in numbers}, fleet.store.claim, []

    def claimed(*args, **kwargs):
        found = claim(*args, **kwargs)
        if mended:
            return found
        return [(one, StoreFailed(f"{one.account} is damaged") if one in broken else record) for one, record in found]

    fleet.store.claim = claimed
    fleet.store._heap = [(due - DAY if one in broken else due, one, at) for due, one, at in fleet.store._heap]
    fleet.store._heap.sort()
    return mended


@scenario(6, spread=0.0)
async def test_a_step_refreshes_the_others_although_damaged_logins_are_due_first(fleet):
    damage(fleet, 0, 1)
    await asyncio.sleep(6.5 * DAY)
    summary = await fleet.keeper().run_once(100)
    assert (summary.refreshed, summary.delayed) == (4, 2)
    assert {(event.login, "is damaged" in event.why) for event in fleet.reported(Delayed)} == {
        (login(0), True), (login(1), True)
    }  # fmt: skip


@scenario(45, spread=0.0)
async def test_many_damaged_ones_keep_a_step_from_nothing(fleet):
    damage(fleet, *range(40))
    await asyncio.sleep(6.5 * DAY)
    assert (await fleet.keeper().run_once(3)).refreshed == 3
    assert (await fleet.keeper().run_once(3)).refreshed == 2


@scenario(3, spread=0.0)
async def test_a_step_that_can_read_nothing_fails_and_releases_its_claims(fleet):
    mended = damage(fleet, 0, 1, 2)
    await asyncio.sleep(6.5 * DAY)
    with pytest.raises(StoreFailed, match="is damaged"):
        await fleet.keeper().run_once(100)
    mended.append(True)
    assert (await fleet.keeper().run_once(100)).refreshed == 3, "at once, with the right key"


@scenario(150, spread=0.0)
async def test_a_step_does_not_read_a_whole_fleet_to_find_that_the_key_is_wrong(fleet):
    damage(fleet, *range(150))
    await asyncio.sleep(6.5 * DAY)
    with pytest.raises(StoreFailed):
        await fleet.keeper().run_once(500)
    assert 100 <= sum(fleet.store.statements["claim"]) < 150


@scenario(4, spread=0.0)
async def test_a_daemon_reports_a_damaged_login_once_and_refreshes_the_others(fleet):
    damage(fleet, 2)
    await asyncio.sleep(6 * DAY)
    await fleet.keep_for(1.5 * DAY, fleet.keeper())
    assert [event.login for event in fleet.reported(Delayed)] == [login(2)]
    assert {event.login for event in fleet.reported(Refreshed)} == {login(0), login(1), login(3)}


@scenario(3, spread=0.0)
async def test_an_interrupted_move_of_one_login_does_not_delay_the_others(fleet):
    moving = PendingRefresh(1, 1, clock(), Sender("here", 1), "sqlite:/new")
    assert fleet.store.plain.apply(login(0), BeginRefresh(moving))
    await asyncio.sleep(7.1 * DAY)
    fleet.events.clear()
    summary = await fleet.keeper(rate_limit=RateLimit(20, 61.0)).run_once(100)
    assert summary.refreshed == 2
    (reported,) = fleet.reported(Delayed)
    assert (reported.login, "store move" in reported.why, reported.until > clock()) == (login(0), True, True)
    await fleet.keep_for(DAY, fleet.keeper(rate_limit=RateLimit(20, 61.0)))
    assert len(fleet.reported(Delayed)) <= 26, "once an hour"
    assert fleet.reported(Expired) == []
    assert fleet.store.plain.load(login(0)).pending_refresh == moving


@scenario(3, spread=0.0)
async def test_a_store_failure_is_reported_once_and_so_is_its_end(fleet):
    claim = fleet.store.claim

    def gone(*_args, **_kwargs):
        raise StoreFailed("password authentication failed")

    fleet.store.claim = gone
    keeper = fleet.keeper()
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(600)
    (stalled,) = fleet.reported(Stalled)
    assert stalled.why.startswith("password authentication failed")
    assert fleet.reported(Resumed) == []
    fleet.store.claim = claim
    await asyncio.sleep(60)
    keeper.stop()
    await task
    (resumed,) = fleet.reported(Resumed)
    assert 590 < resumed.after < 620
    assert len(fleet.reported(Stalled)) == 1


@scenario(40, spread=0.0)
async def test_a_store_whose_writes_alone_fail_is_reported_once_and_claimed_from_seldom(fleet):
    """As a database whose disk is full, or a role that may not write the tables' rows."""
    apply = fleet.store.apply

    def full(_login, _change):
        raise StoreFailed("No space left on device")

    await asyncio.sleep(7.1 * DAY)
    fleet.store.apply = full
    fleet.events.clear()
    keeper = fleet.keeper()
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(600)
    (stalled,) = fleet.reported(Stalled)
    assert stalled.why.startswith("No space left on device")
    assert fleet.reported(Resumed) == []
    assert len(fleet.store.statements["claim"]) <= 600 / 5 + 2
    assert len(fleet.events) <= 600 / 5 + 32 + 2
    assert fleet.trakt.sent == []
    fleet.store.apply = apply
    await asyncio.sleep(900)
    keeper.stop()
    summary = await task
    (resumed,) = fleet.reported(Resumed)
    assert 590 < resumed.after < 950
    assert summary.refreshed == 40
    assert len(fleet.reported(Stalled)) == 1


@scenario(40, spread=0.0)
async def test_one_login_that_cannot_be_written_holds_up_no_other(fleet):
    apply = fleet.store.apply

    def refuse_one(each, change):
        if each == login(0):
            raise StoreFailed("the row is locked")
        return apply(each, change)

    await asyncio.sleep(7.1 * DAY)
    fleet.store.apply = refuse_one
    keeper = fleet.keeper()
    await fleet.keep_for(3600, keeper)
    assert keeper.summary.refreshed == 39


@scenario(3, spread=0.0)
async def test_a_step_of_a_scheduler_that_cannot_write_fails(fleet):
    def full(_login, _change):
        raise StoreFailed("No space left on device")

    await asyncio.sleep(7.1 * DAY)
    fleet.store.apply = full
    with pytest.raises(StoreFailed, match="No space left"):
        await fleet.keeper().run_once(100)
    assert fleet.trakt.sent == []
