"""The fleet in memory, on which the keeper is tried in virtual time, does what SQLite's does, answer for answer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from support.fleet import MemoryFleet
from traktauth.models import LoginKey
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, SaveToken, SetRefreshable
from traktauth.models.keeper_due_time import due_at
from traktauth.stores.open import open_async_store
from traktauth.testing.store_contract.base import pair, pending_refresh

FLEET = [LoginKey("trakt", "app", f"account {number}") for number in range(6)]
LIFE = 1000


class Clock:
    """Moves when it is told to; SQLite's leases and budgets go by a real one, so no scenario here waits for either."""

    def __call__(self):
        return 0.0


def aged(number, generation=1):
    return replace(pair(generation, LIFE), expires_at=1000.0 + 100 * number, expires_in=LIFE)


@asynccontextmanager
async def fleet(kind, tmp_path):
    store = MemoryFleet(Clock()) if kind == "memory" else open_async_store(f"sqlite:{tmp_path}/{kind}.db")
    assert (
        await store.apply_many([(login, SaveToken(aged(n), 0, at=1.0)) for n, login in enumerate(FLEET)]) == [True] * 6
    )
    yield store
    await store.close()


def claim(store, limit=9, *, before=1e9, now=0.0, owner="me"):
    return store.claim("trakt", "app", before=before, now=now, limit=limit, lease=1000.0, owner=owner)


async def names(claimed):
    return [login.account[-1] for login, _ in await claimed]


async def due_ones_come_first_and_are_left_by_others(store):
    yield await names(claim(store, 2))
    yield await names(claim(store, 2, owner="other"))
    await store.release(FLEET[:4], owner="me")
    yield await names(claim(store, owner="other"))
    await store.release(FLEET, owner="other")
    yield await names(claim(store))


async def only_what_is_due_is_claimed(store):
    yield await names(claim(store, before=due_at(FLEET[2], aged(2))))
    yield await names(claim(store, before=0.0))


async def a_refresh_is_begun_once_an_attempt_and_closed_by_a_save(store):
    yield await store.apply_many(
        [
            (FLEET[0], BeginRefresh(pending_refresh(1))),
            (FLEET[1], BeginRefresh(pending_refresh(2))),
            (FLEET[0], BeginRefresh(pending_refresh(1))),
        ]
    )
    yield await store.apply_many([(FLEET[0], BeginRefresh(pending_refresh(1, sending=2)))])
    yield await store.apply_many(
        [(FLEET[0], SaveToken(aged(9, 2), 1, at=1.0)), (FLEET[1], SaveToken(aged(9, 3), 2, at=1.0))]
    )
    yield await store.load(FLEET[0])


async def a_pending_refresh_is_due_again_when_its_token_has_ended(store):
    await store.apply_many([(FLEET[0], BeginRefresh(pending_refresh(1)))])
    yield sorted(await names(claim(store, now=999.0)))
    await store.release(FLEET, owner="me")
    yield sorted(await names(claim(store, now=1001.0)))


async def what_cannot_be_renewed_is_not_claimed(store):
    await store.apply(FLEET[0], SetRefreshable(1, "Trakt refused it"))
    await store.apply(FLEET[1], DeleteToken(1))
    yield await names(claim(store))


async def a_cancelled_refresh_is_due_as_before(store):
    await store.apply_many([(FLEET[0], BeginRefresh(pending_refresh(1)))])
    await store.apply(FLEET[0], CancelRefresh(pending_refresh(1), None))
    yield await names(claim(store))


async def what_is_postponed_comes_later(store):
    await store.defer(FLEET[0], 1, until=5000.0)
    yield await names(claim(store, before=4000.0))
    await store.release(FLEET, owner="me")
    yield await names(claim(store, before=6000.0))


async def an_event_is_reported_once_per_generation(store):
    yield [await store.record_notification(FLEET[0], 1, what) for what in ("dying", "dying", "dead")]
    await store.apply_many([(FLEET[0], SaveToken(aged(0, 2), 1, at=1.0))])
    yield [await store.record_notification(FLEET[0], generation, "dying") for generation in (1, 2, 2)]


async def a_budget_is_spent_and_held(store):
    yield await store.take_budget("trakt", wanted=5, limit=8, period=1000.0)
    yield await store.take_budget("trakt", wanted=5, limit=8, period=1000.0)
    yield (await store.take_budget("trakt", wanted=5, limit=8, period=1000.0))[0]
    yield await store.take_budget("staging", wanted=5, limit=8, period=1000.0)
    await store.block_budget("staging", 1000.0)
    yield (await store.take_budget("staging", wanted=1, limit=8, period=1000.0))[0]


async def a_client_and_a_claim_exclude_each_other(store):
    async with store.lock(FLEET[0], 0.0) as held:
        yield held
        yield await names(claim(store, 1))
    async with store.lock(FLEET[1], 0.0) as held:
        yield held


STORIES = [
    due_ones_come_first_and_are_left_by_others,
    only_what_is_due_is_claimed,
    a_refresh_is_begun_once_an_attempt_and_closed_by_a_save,
    a_pending_refresh_is_due_again_when_its_token_has_ended,
    what_cannot_be_renewed_is_not_claimed,
    a_cancelled_refresh_is_due_as_before,
    what_is_postponed_comes_later,
    an_event_is_reported_once_per_generation,
    a_budget_is_spent_and_held,
    a_client_and_a_claim_exclude_each_other,
]


@pytest.mark.parametrize("reported", STORIES, ids=lambda reported: reported.__name__)
def test_both_answer_alike(reported, tmp_path):
    async def answers(kind):
        async with fleet(kind, tmp_path) as store:
            return [answer async for answer in reported(store)]

    in_memory, in_sqlite = asyncio.run(answers("memory")), asyncio.run(answers("sqlite"))
    assert len(in_sqlite) > 0
    assert in_memory == in_sqlite
