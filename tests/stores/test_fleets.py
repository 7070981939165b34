"""Stores as a keeper needs them: what is due, by whom it is done, and many at once."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest
import pytest_asyncio

from traktauth.errors import StoreFailed
from traktauth.models import Login
from traktauth.models.due import due_at
from traktauth.stores.addresses import open_async_store, open_store
from traktauth.stores.commands import Read, Swap
from traktauth.stores.fleet import FleetStore, Saving
from traktauth.testing.places import DIFFICULT, LOGIN, pair, renewal

pytestmark = pytest.mark.asyncio

FLEET = [Login("trakt", "app", f"account {number:02}") for number in range(10)]
LIFE = 1000
REALM = ("trakt", "app")


def aged(number, generation=1):
    """Return a pair that ends `number` hundreds of seconds after 1000 s."""
    return replace(pair(generation, LIFE), expires_at=1000.0 + 100 * number, expires_in=LIFE)


@pytest.fixture(params=["sqlite", "sealed+sqlite", "redis", "postgres"])
def address(request, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", "k" * 43)
    if request.param in {"redis", "postgres"}:
        return request.getfixturevalue(f"{request.param}_address")
    return f"{request.param}:{tmp_path}/logins"


@pytest_asyncio.fixture
async def stores(address):
    opened = [open_async_store(address), open_async_store(address)]
    yield opened
    for store in opened:
        await store.close()


@pytest_asyncio.fixture
async def store(stores):
    store = stores[0]
    savings = [Saving(login, aged(number), 0) for number, login in enumerate(FLEET)]
    assert await store.save_many(savings, at=1.0) == [True] * len(FLEET)
    return store


def claim(store, limit=100, *, before=1e9, now=0.0, lease=30.0, owner="me"):
    return store.claim(*REALM, before=before, now=now, limit=limit, lease=lease, owner=owner)


def names(claimed):
    return [login for login, _ in claimed]


async def test_each_of_these_stores_is_one_for_fleets(store):
    assert isinstance(store, FleetStore)


async def test_many_first_pairs_are_saved_at_once(store):
    assert await store.logins() == FLEET
    assert (await store.load(FLEET[3])).token == aged(3)


async def test_what_is_due_first_comes_first(store):
    claimed = await claim(store, 4)
    assert names(claimed) == FLEET[:4]
    assert [record.token for _, record in claimed] == [aged(number) for number in range(4)]


async def test_what_is_not_due_is_not_claimed(store):
    before = due_at(FLEET[4], aged(4))
    assert names(await claim(store, before=before)) == FLEET[:5]
    assert await store.count_due(*REALM, before=before) == 5
    assert await store.count_due(*REALM, before=1e9) == 10
    assert await store.count_due("staging", "app", before=1e9) == 0
    assert await store.claim("trakt", "another", before=1e9, now=0.0, limit=9, lease=30.0, owner="me") == []


async def test_what_one_has_claimed_is_left_by_the_other(stores, store):
    one, two = stores
    assert names(await claim(one, 3)) == FLEET[:3]
    assert names(await claim(two, 3, owner="other")) == FLEET[3:6]
    await one.release(FLEET[:6], owner="me")
    assert names(await claim(two, 4, owner="other")) == [*FLEET[:3], FLEET[6]]


async def test_many_claim_at_once_and_nothing_twice(address, store):
    keepers = [open_async_store(address) for _ in range(6)]
    claims = await asyncio.gather(*(claim(keeper, 2, owner=f"k{number}") for number, keeper in enumerate(keepers)))
    claimed = [login for one in claims for login in names(one)]
    assert len(claimed) == len(set(claimed))
    for keeper in keepers:
        await keeper.close()


async def test_a_claim_ends_by_itself(store):
    await claim(store, 3, lease=0.2)
    assert names(await claim(store, 3)) == FLEET[3:6]
    await asyncio.sleep(0.3)
    assert names(await claim(store, 3)) == FLEET[:3]


async def test_a_claim_is_the_same_lock_as_exclusive(stores, store):
    one, two = stores
    async with two.exclusive(FLEET[0], 0.0) as held:
        assert held
        assert names(await claim(one, 2)) == FLEET[1:3]
    async with two.exclusive(FLEET[1], 0.0) as held:
        assert not held
    await one.release([FLEET[1]], owner="somebody else")
    async with two.exclusive(FLEET[1], 0.0) as held:
        assert not held
    await one.release([FLEET[1]], owner="me")
    async with two.exclusive(FLEET[1], 0.0) as held:
        assert held


async def test_what_cannot_be_renewed_is_claimed_until_that_is_told(store):
    await store.mark(FLEET[0], 1, "Trakt refused it")
    await store.forget(FLEET[1], 1)
    await store.hand_over(FLEET[2], 1, "file:/x")
    claimed = await claim(store, 2)
    assert names(claimed) == [FLEET[0], FLEET[3]]
    assert [record.renewable for _, record in claimed] == [False, True]
    await store.release(FLEET, owner="me")
    await store.settle(FLEET[0], 2)  # another generation's
    assert await store.count_due(*REALM, before=1e9) == 8
    await store.settle(FLEET[0], 1)
    await store.settle(FLEET[0], 1)
    assert names(await claim(store, 2)) == FLEET[3:5]
    assert await store.count_due(*REALM, before=1e9) == 7
    await store.release(FLEET, owner="me")
    await store.mark(FLEET[0], 1, None)
    assert names(await claim(store, 2)) == [FLEET[0], FLEET[3]]


async def test_an_unconfirmed_renewal_is_claimed_only_after_its_token_has_ended(store):
    assert await store.begin(FLEET[0], renewal(1))
    assert names(await claim(store, 1, now=999.0)) == [FLEET[1]]
    await store.release(FLEET, owner="me")
    claimed = dict(await claim(store, 9, before=1000.0, now=1000.0))
    assert claimed[FLEET[0]].renewal == renewal(1)


async def test_many_renewals_begin_and_end_at_once(store):
    claimed = await claim(store, 5)
    assert await store.begin_many([(login, renewal(1)) for login in names(claimed)]) == [True] * 5
    assert await store.begin_many([(login, renewal(1)) for login in FLEET]) == [False] * 5 + [True] * 5
    savings = [Saving(login, aged(number + 20, 2), 1) for number, login in enumerate(FLEET)]
    assert await store.save_many(savings, at=7.0) == [True] * 10
    assert await store.save_many(savings, at=8.0) == [False] * 10
    record = await store.load(FLEET[4])
    assert (record.token, record.renewal, record.saved_at) == (aged(24, 2), None, 7.0)
    assert await store.count_due(*REALM, before=2000.0) == 0


async def test_each_of_many_is_judged_by_itself(store):
    others = [(FLEET[0], renewal(1)), (FLEET[1], renewal(2)), (LOGIN, renewal(1)), (FLEET[3], renewal(1, attempt=2))]
    assert await store.begin_many(others) == [True, False, False, False]
    assert await store.begin_many([(FLEET[5], renewal(1)), (FLEET[5], renewal(1)), (FLEET[5], renewal(1, 2))]) == [
        True,
        False,
        True,
    ]
    assert await store.begin_many([]) == []
    assert await store.save_many([], at=1.0) == []


async def test_what_changed_since_the_claim_is_looked_at_again(stores, store):
    one, two = stores
    await claim(one, 3)
    assert await two.save(FLEET[0], aged(30, 2), after=1, at=1.0)
    assert await two.begin(FLEET[1], renewal(1))
    assert await one.begin_many([(login, renewal(1)) for login in FLEET[:3]]) == [False, False, True]
    assert await one.begin_many([(FLEET[0], renewal(2)), (FLEET[1], renewal(1, attempt=2))]) == [True, True]


async def test_after_a_claim_nothing_is_read_before_it_is_changed(store, monkeypatch):
    claimed = await claim(store, 5)
    commands, perform = [], store.database.perform

    async def counted(command):
        commands.append(type(command).__name__)
        return await perform(command)

    monkeypatch.setattr(store.database, "perform", counted)
    assert all(await store.begin_many([(login, renewal(1)) for login in names(claimed)]))
    assert all(await store.save_many([Saving(login, aged(40, 2), 1) for login in names(claimed)], at=1.0))
    await store.release(names(claimed), owner="me")
    assert commands == ["SwapMany", "SwapMany", "ReleaseMany"]


async def test_a_damaged_record_is_left_and_the_others_are_kept(store):
    database = store.database
    row = await database.perform(Read(FLEET[0]))
    assert await database.perform(Swap(FLEET[0], row.revision, replace(row, rest="{", revision=5)))
    damaged, *others = await claim(store, 3)
    assert damaged[0] == FLEET[0]
    assert isinstance(damaged[1], StoreFailed)
    assert names(others) == FLEET[1:3]
    assert await store.begin_many([(login, renewal(1)) for login in FLEET[:3]]) == [False, True, True]
    with pytest.raises(StoreFailed, match="damaged"):
        await store.load(FLEET[0])


async def test_a_postponed_login_comes_later(store):
    await store.postpone(FLEET[0], 1, until=1e6)
    await store.postpone(FLEET[1], 2, until=1e6)  # another generation
    assert names(await claim(store, 2, before=1e5)) == FLEET[1:3]
    assert await store.begin(FLEET[0], renewal(1)), "postponing changes nothing else"
    await store.cancel(FLEET[0], renewal(1), None)
    assert await store.count_due(*REALM, before=1e5) == 9
    assert await store.save(FLEET[0], aged(0, 2), after=1, at=1.0)
    assert await store.count_due(*REALM, before=1e5) == 10, "a new pair has a time of its own"


async def test_what_is_told_is_told_once_a_generation(stores, store):
    one, two = stores
    told = await asyncio.gather(*(keeper.tell_once(FLEET[0], 1, "dies soon") for keeper in (one, two, one, two)))
    assert sorted(told) == [False, False, False, True]
    assert await one.tell_once(FLEET[0], 1, "is dead")
    assert not await one.tell_once(FLEET[0], 2, "dies soon")
    assert await one.begin(FLEET[0], renewal(1))
    assert not await one.tell_once(FLEET[0], 1, "is dead"), "still known after another change"
    assert await one.save(FLEET[0], aged(1, 2), after=1, at=1.0)
    assert await one.tell_once(FLEET[0], 2, "dies soon")
    assert not await one.tell_once(LOGIN, 1, "dies soon"), "nobody is signed in there"


async def test_keepers_share_a_budget(stores):
    one, two = stores
    assert await one.take("trakt", wanted=15, limit=20, period=0.3) == (15, 0.0)
    assert await two.take("trakt", wanted=15, limit=20, period=0.3) == (5, 0.0)
    granted, wait = await one.take("trakt", wanted=1, limit=20, period=0.3)
    assert granted == 0
    assert 0.0 < wait <= 0.302
    assert await one.take("staging", wanted=25, limit=20, period=0.3) == (20, 0.0)
    await asyncio.sleep(wait + 0.05)
    assert await two.take("trakt", wanted=15, limit=20, period=0.3) == (15, 0.0)


async def test_many_take_at_once_and_no_more_than_there_is(address):
    keepers = [open_async_store(address) for _ in range(6)]
    takes = (keeper.take("trakt", wanted=3, limit=20, period=60.0) for keeper in itertools.chain(keepers, keepers))
    assert sum(granted for granted, _ in await asyncio.gather(*takes)) == 20
    for keeper in keepers:
        await keeper.close()


async def test_a_service_that_asks_for_a_rest_gets_it(stores):
    one, two = stores
    await one.hold("trakt", 0.3)
    await one.hold("trakt", 0.1)
    granted, wait = await two.take("trakt", wanted=1, limit=20, period=60.0)
    assert granted == 0
    assert 0.1 < wait <= 0.302
    await asyncio.sleep(wait + 0.05)
    assert await two.take("trakt", wanted=1, limit=20, period=60.0) == (1, 0.0)
    await one.hold("trakt", 0.2)
    granted, wait = await two.take("trakt", wanted=1, limit=1, period=60.0)
    assert granted == 0
    assert 59.0 < wait <= 60.002, "the longer of both"


async def test_difficult_names_are_kept_in_fleets_too(store):
    logins = [Login("trakt", "another", name) for name in DIFFICULT]
    assert all(await store.save_many([Saving(login, aged(1), 0) for login in logins], at=1.0))
    claimed = await store.claim("trakt", "another", before=1e9, now=0.0, limit=99, lease=30.0, owner="me")
    assert sorted(names(claimed)) == sorted(logins)
    assert all(await store.begin_many([(login, renewal(1)) for login in logins]))
    await store.release(logins, owner="me")


async def test_a_blocking_store_over_the_same_place_agrees(address, store):
    with_threads = open_store(address)
    try:
        assert with_threads.identity == store.identity
        assert await asyncio.to_thread(with_threads.load, FLEET[0]) == await store.load(FLEET[0])
    finally:
        with_threads.close()
