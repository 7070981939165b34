"""Stores as a keeper needs them: what is due, and by whom it is done."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from traktauth import App
from traktauth.errors import StoreFailed
from traktauth.keeper import refresh_due
from traktauth.models import LoginKey
from traktauth.models.changes import (
    BeginRefresh,
    CancelRefresh,
    DeleteToken,
    Erase,
    SaveToken,
    SetMoved,
    SetRefreshable,
)
from traktauth.models.refresh_window import due_at
from traktauth.stores.fleet import LoginCounts, LoginStates
from traktauth.stores.open import open_store
from traktauth.stores.processes import process_mark
from traktauth.testing.store_contract.base import DIFFICULT, LOGIN, pair, pending_refresh

FLEET = [LoginKey("trakt", "app", f"account {number:02}") for number in range(10)]
LIFE = 1000
REALM = ("trakt", "app")


def aged(number, generation=1):
    """Return a pair that ends `number` hundreds of seconds after 1000 s."""
    return replace(pair(generation, LIFE), expires_at=1000.0 + 100 * number, expires_in=LIFE)


SLOW = pytest.mark.slow


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=SLOW), pytest.param("postgres", marks=SLOW)])
def address(request, tmp_path):
    if request.param in {"redis", "postgres"}:
        return request.getfixturevalue(f"{request.param}_address")
    return f"{request.param}:{tmp_path}/logins"


@pytest.fixture
def stores(address):
    opened = [open_store(address), open_store(address)]
    yield opened
    for store in opened:
        store.close()


@pytest.fixture
def store(stores):
    store = stores[0]
    savings = [(login, SaveToken(aged(number), 0, at=1.0)) for number, login in enumerate(FLEET)]
    assert apply_each(store, savings) == [True] * len(FLEET)
    return store


def at_once(*calls):
    """Make calls at once, in threads, as a keeper does."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda call: call(), calls))


def apply_each(store, changes):
    """Apply changes at once, each on its own, as the refreshes of a keeper do."""
    return at_once(*(partial(store.apply, *each) for each in changes))


def claim(store, limit=100, *, before=1e9, now=0.0, lease=30.0, owner="me"):
    return store.claim(*REALM, before=before, now=now, limit=limit, lease=lease, owner=owner)


def names(claimed):
    return [login for login, _ in claimed]


def test_a_claim_names_the_process_of_its_keeper(store, monkeypatch):
    """So nothing that waits for a claimed login waits until the claim of a killed keeper is over."""
    owners = []

    def fail(*_, owner, **__):
        owners.append(owner)
        raise StoreFailed("it shall claim nothing")

    monkeypatch.setattr(store, "claim", fail)
    with pytest.raises(StoreFailed):
        asyncio.run(refresh_due(store, app=App("app"), service="http://127.0.0.1:9"))
    assert [owner.partition(":")[2] for owner in owners] == [process_mark()]


def test_a_sealed_store_claims_and_saves(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", "k" * 43)
    store = open_store(f"sealed+sqlite:{tmp_path}/logins")
    assert apply_each(store, [(login, SaveToken(aged(1), 0, at=1.0)) for login in FLEET[:2]]) == [True, True]
    assert [record.token for _, record in claim(store)] == [aged(1), aged(1)]
    assert apply_each(store, [(login, BeginRefresh(pending_refresh(1))) for login in FLEET[:2]]) == [True, True]
    assert apply_each(store, [(login, SaveToken(aged(9, 2), 1, at=1.0)) for login in FLEET[:2]]) == [True, True]
    assert (store.load(FLEET[0])).token == aged(9, 2)
    store.close()


def test_logins_are_claimed_in_the_order_of_their_due_times(store):
    claimed = claim(store, 4)
    assert names(claimed) == FLEET[:4]
    assert [record.token for _, record in claimed] == [aged(number) for number in range(4)]


def test_only_logins_that_are_due_are_claimed(store):
    before = due_at(FLEET[4], aged(4))
    assert names(claim(store, before=before)) == FLEET[:5]
    assert store.claim("trakt", "another", before=1e9, now=0.0, limit=9, lease=30.0, owner="me") == []


def test_the_logins_of_an_app_are_counted_with_the_next_due_time(store, address):
    now = due_at(FLEET[3], aged(3))
    counts = store.count_logins(*REALM, now=now)
    assert (counts.logins, counts.due) == (10, 4)
    assert counts.next_due_at == pytest.approx(due_at(FLEET[4], aged(4)))
    assert (store.count_logins(*REALM, now=1e9)).next_due_at is None
    unknown = None if "redis" in address else 0
    assert store.count_logins("staging", "app", now=now) == LoginCounts(0, 0, None, unknown, unknown)


def test_a_pending_refresh_and_a_needed_sign_in_are_counted(store, address):
    assert store.apply(FLEET[8], BeginRefresh(pending_refresh(1)))
    store.apply(FLEET[9], SetRefreshable(1, "refused"))
    counts = store.count_logins(*REALM, now=0.0)
    assert (counts.unconfirmed, counts.sign_in) == ((None, None) if "redis" in address else (1, 1))
    upcoming = dict(store.upcoming(*REALM, limit=10))
    assert upcoming[FLEET[8]] == pytest.approx(aged(8).expires_at), "no sooner than its token expires"


def test_logins_are_counted_by_state(store):
    store.apply(FLEET[8], BeginRefresh(pending_refresh(1)))
    store.apply(FLEET[9], SetRefreshable(1, "refused"))
    store.never_due(FLEET[9], 1)
    now = aged(2).expires_at
    due = sum(due_at(FLEET[number], aged(number)) <= now for number in range(3, 8))
    assert store.count_states(*REALM, now=now) == LoginStates(6 - due, due, overdue=3, sign_in_required=1)
    assert store.count_states("trakt", "ap", now=now) == LoginStates(0, 0, 0, 0)


def test_the_next_logins_are_listed_in_the_order_of_their_due_times(store):
    expected = [(login, due_at(login, aged(number))) for number, login in enumerate(FLEET)]
    assert [login for login, _ in store.upcoming(*REALM, limit=3)] == FLEET[:3]
    assert store.upcoming(*REALM, limit=99) == [(login, pytest.approx(at)) for login, at in expected]
    assert store.upcoming("trakt", "another", limit=99) == []


def test_a_login_claimed_by_one_keeper_is_not_claimed_by_another(stores, store):
    one, two = stores
    assert names(claim(one, 3)) == FLEET[:3]
    assert names(claim(two, 3, owner="other")) == FLEET[3:6]
    one.release(FLEET[:6], owner="me")
    assert names(claim(two, 4, owner="other")) == [*FLEET[:3], FLEET[6]]


def test_no_login_is_claimed_twice_by_keepers_that_claim_at_once(address, store):
    keepers = [open_store(address) for _ in range(6)]
    claims = at_once(*(partial(claim, keeper, 2, owner=f"k{number}") for number, keeper in enumerate(keepers)))
    claimed = [login for one in claims for login in names(one)]
    assert len(claimed) == len(set(claimed))
    for keeper in keepers:
        keeper.close()


def test_a_claim_expires(store):
    claim(store, 1, lease=0.2)
    with store.lock(FLEET[0], 120.0) as held:  # a claim is the same lock
        assert held


def test_a_claim_is_the_same_lock_as_lock(stores, store):
    one, two = stores
    with two.lock(FLEET[0], 0.0) as held:
        assert held
        assert names(claim(one, 2)) == FLEET[1:3]
    with two.lock(FLEET[1], 0.0) as held:
        assert not held
    one.release([FLEET[1]], owner="another program")
    with two.lock(FLEET[1], 0.0) as held:
        assert not held
    one.release([FLEET[1]], owner="me")
    with two.lock(FLEET[1], 0.0) as held:
        assert held


def test_a_login_that_cannot_be_refreshed_is_claimed_until_that_is_reported(store):
    store.apply(FLEET[0], SetRefreshable(1, "Trakt refused it"))
    store.apply(FLEET[1], DeleteToken(1))
    store.apply(FLEET[2], SetMoved(1, "file:/x"))
    claimed = claim(store, 2)
    assert names(claimed) == [FLEET[0], FLEET[3]]
    assert [record.refreshable for _, record in claimed] == [False, True]
    store.release(FLEET, owner="me")
    store.never_due(FLEET[0], 2)  # another generation's
    store.never_due(FLEET[0], 1)
    store.never_due(FLEET[0], 1)
    assert names(claim(store, 2)) == FLEET[3:5]
    store.release(FLEET, owner="me")
    store.apply(FLEET[0], SetRefreshable(1, None))
    assert names(claim(store, 2)) == [FLEET[0], FLEET[3]]


def test_an_unconfirmed_refresh_is_claimed_only_after_its_token_has_expired(store):
    assert store.apply(FLEET[0], BeginRefresh(pending_refresh(1)))
    assert names(claim(store, 1, now=999.0)) == [FLEET[1]]
    store.release(FLEET, owner="me")
    claimed = dict(claim(store, 9, before=1000.0, now=1000.0))
    assert claimed[FLEET[0]].pending_refresh == pending_refresh(1)


def test_many_refreshes_begin_and_end_at_once(store):
    claimed = claim(store, 5)
    assert apply_each(store, [(login, BeginRefresh(pending_refresh(1))) for login in names(claimed)]) == [True] * 5
    assert apply_each(store, [(login, BeginRefresh(pending_refresh(1))) for login in FLEET]) == [False] * 5 + [True] * 5
    savings = [(login, SaveToken(aged(number + 20, 2), 1, at=7.0)) for number, login in enumerate(FLEET)]
    assert apply_each(store, savings) == [True] * 10
    assert apply_each(store, savings) == [False] * 10
    record = store.load(FLEET[4])
    assert (record.token, record.pending_refresh, record.saved_at) == (aged(24, 2), None, 7.0)


def test_a_change_that_comes_too_late_or_too_early_fails(store):
    others = [
        (FLEET[0], pending_refresh(1)),
        (FLEET[1], pending_refresh(2)),
        (LOGIN, pending_refresh(1)),
        (FLEET[3], pending_refresh(1, sending=2)),
    ]
    begun = apply_each(store, [(login, BeginRefresh(pending)) for login, pending in others])
    assert begun == [True, False, False, False]
    at_once = [BeginRefresh(pending_refresh(1)), BeginRefresh(pending_refresh(1))]
    assert sorted(apply_each(store, [(FLEET[5], begin) for begin in at_once])) == [False, True]
    assert store.apply(FLEET[5], BeginRefresh(pending_refresh(1, 2)))


def test_a_login_that_changed_since_its_claim_is_read_again(stores, store):
    one, two = stores
    claim(one, 3)
    assert two.apply(FLEET[0], SaveToken(aged(30, 2), after=1, at=1.0))
    assert two.apply(FLEET[1], BeginRefresh(pending_refresh(1)))
    assert apply_each(one, [(login, BeginRefresh(pending_refresh(1))) for login in FLEET[:3]]) == [
        False,
        False,
        True,
    ]
    assert apply_each(
        one, [(FLEET[0], BeginRefresh(pending_refresh(2))), (FLEET[1], BeginRefresh(pending_refresh(1, sending=2)))]
    ) == [True, True]


def test_a_damaged_record_is_left_and_the_others_are_kept(store):
    database = store
    row = database.read_row(FLEET[0])
    assert database.swap_row(FLEET[0], row.revision, replace(row, payload="{", revision=5))
    damaged, *others = claim(store, 3)
    assert damaged[0] == FLEET[0]
    assert isinstance(damaged[1], StoreFailed)
    assert names(others) == FLEET[1:3]
    with pytest.raises(StoreFailed, match="damaged"):
        store.apply(FLEET[0], BeginRefresh(pending_refresh(1)))
    assert apply_each(store, [(login, BeginRefresh(pending_refresh(1))) for login in FLEET[1:3]]) == [True, True]
    with pytest.raises(StoreFailed, match="damaged"):
        store.load(FLEET[0])


def test_a_postponed_login_comes_later(store):
    store.defer(FLEET[0], 1, until=1e6)
    store.defer(FLEET[1], 2, until=1e6)  # another generation
    assert names(claim(store, 2, before=1e5)) == FLEET[1:3]
    assert store.apply(FLEET[0], BeginRefresh(pending_refresh(1))), "postponing changes nothing else"
    store.apply(FLEET[0], CancelRefresh(pending_refresh(1), None))
    assert store.apply(FLEET[0], SaveToken(aged(0, 2), after=1, at=1.0))


def test_a_notification_is_recorded_once_a_generation(stores, store):
    one, two = stores
    told = at_once(*(partial(keeper.record_notification, FLEET[0], 1, "dies soon") for keeper in (one, two, one, two)))
    assert sorted(told) == [False, False, False, True]
    assert one.record_notification(FLEET[0], 1, "is dead")
    assert not one.record_notification(FLEET[0], 2, "dies soon")
    assert one.apply(FLEET[0], BeginRefresh(pending_refresh(1)))
    assert not one.record_notification(FLEET[0], 1, "is dead"), "still known after another change"
    assert one.apply(FLEET[0], SaveToken(aged(1, 2), after=1, at=1.0))
    assert one.record_notification(FLEET[0], 2, "dies soon")
    assert not one.record_notification(LOGIN, 1, "dies soon"), "no login is there"


def test_keepers_share_a_budget(stores):
    one, two = stores
    assert one.take_budget("trakt", wanted=15, limit=20, period=600.0) == (15, 0.0)
    assert two.take_budget("trakt", wanted=15, limit=20, period=600.0) == (5, 0.0)
    granted, wait = one.take_budget("trakt", wanted=1, limit=20, period=600.0)
    assert granted == 0
    assert 300.0 < wait <= 600.002
    assert one.take_budget("staging", wanted=25, limit=20, period=600.0) == (20, 0.0)
    time.sleep(0.05)
    assert two.take_budget("trakt", wanted=15, limit=20, period=0.02) == (15, 0.0), "after a silence"


def test_takers_at_once_get_no_more_than_the_budget(address):
    keepers = [open_store(address) for _ in range(6)]
    takes = [partial(keeper.take_budget, "trakt", wanted=3, limit=20, period=60.0) for keeper in keepers * 2]
    assert sum(granted for granted, _ in at_once(*takes)) == 20
    for keeper in keepers:
        keeper.close()


def test_a_blocked_budget_gives_nothing_until_the_longest_block_ends(stores):
    one, two = stores
    one.block_budget("trakt", 600.0)
    one.block_budget("trakt", 100.0)
    granted, wait = two.take_budget("trakt", wanted=1, limit=20, period=60.0)
    assert granted == 0
    assert 300.0 < wait <= 600.002, "the longer of both"


def test_a_block_of_the_budget_ends(stores):
    one, two = stores
    one.block_budget("trakt", 0.05)
    time.sleep(0.1)
    assert two.take_budget("trakt", wanted=1, limit=20, period=600.0) == (1, 0.0)
    one.block_budget("trakt", 0.05)
    granted, wait = two.take_budget("trakt", wanted=1, limit=1, period=600.0)
    assert granted == 0
    assert 300.0 < wait <= 600.002, "the longer of the rest and the budget's"


def test_difficult_names_are_kept_in_fleets_too(store):
    logins = [LoginKey("trakt", "another", name) for name in DIFFICULT]
    assert all(apply_each(store, [(login, SaveToken(aged(1), 0, at=1.0)) for login in logins]))
    claimed = store.claim("trakt", "another", before=1e9, now=0.0, limit=99, lease=30.0, owner="me")
    assert sorted(names(claimed)) == sorted(logins)
    assert all(apply_each(store, [(login, BeginRefresh(pending_refresh(1))) for login in logins]))
    store.release(logins, owner="me")


def test_an_erased_login_is_not_claimed_and_takes_no_late_token(store):
    gone, *_ = FLEET
    assert store.apply(gone, BeginRefresh(pending_refresh(1)))
    store.apply(gone, DeleteToken(1))
    assert store.apply(gone, Erase())
    assert gone not in names(claim(store))
    assert apply_each(
        store, [(gone, SaveToken(aged(0, 2), 1, at=1.0)), (FLEET[1], SaveToken(aged(1, 2), 1, at=1.0))]
    ) == [
        False,
        True,
    ]
    assert gone not in store.list_logins()
    assert (store.load(gone)).token is None
