"""A refresh of AsyncTrakt comes to its end, whatever happens to the event loop that asked for it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
import weakref
from contextlib import asynccontextmanager

import httpx2
import pytest

from support.async_store import OwnAsyncStore
from traktauth import AsyncTrakt, Trakt
from traktauth.errors import StoreFailed
from traktauth.models import LoginKey
from traktauth.stores.open import open_store


@pytest.fixture
def place(tmp_path):
    return f"sqlite:{tmp_path}/tokens.db"


def no_thread_is_left():
    for thread in threading.enumerate():
        if thread.name == "traktauth-refresh":
            thread.join(120)
    return not any(thread.name == "traktauth-refresh" for thread in threading.enumerate())


def abandoned(main):
    """Run a loop until `main` stops it, and close it as it is; return its task, and a weak reference to the loop."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(main(loop))
    loop.run_forever()
    loop.close()
    return task, weakref.ref(loop)


def collect(loop):
    """Wait until a closed loop is gone: its connections warn when they are collected, and should do so in this test."""
    until = time.monotonic() + 120
    while loop() is not None and time.monotonic() < until:
        gc.collect()
        time.sleep(0.01)
    assert loop() is None


@pytest.mark.filterwarnings("ignore")  # a loop that is closed with tasks in it is warned of
def test_a_loop_that_is_closed_in_the_middle_of_a_refresh_loses_no_token(place, sign_in, trakt_server, app):
    sign_in(place, left=-1)
    go_on = threading.Event()
    trakt_server.before.append(lambda: go_on.wait(120))
    kept = []

    async def main(loop):
        trakt = AsyncTrakt(app, service=trakt_server.base, store=place)
        kept.append((trakt, asyncio.create_task(trakt.token())))
        await asyncio.to_thread(trakt_server.arrived.wait, 20)
        loop.stop()

    task, loop = abandoned(main)
    kept.append(task)
    del task
    threading.Timer(0.1, go_on.set).start()
    with Trakt(app, service=trakt_server.base, store=place) as other:
        assert other.token().generation == 2
    login = LoginKey(trakt_server.base, app.client_id, "default")
    assert open_store(place).load(login).pending_refresh is None

    async def again():
        async with AsyncTrakt(app, service=trakt_server.base, store=place) as trakt:
            return (await trakt.refresh()).generation

    assert asyncio.run(again()) == 3
    assert (len(trakt_server.refreshes), trakt_server.killed) == (2, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept.clear()
        collect(loop)
    assert no_thread_is_left()


@pytest.mark.asyncio
async def test_a_client_of_the_applications_sends_in_the_applications_loop(sign_in, trakt_server, app, place):
    sign_in(place, left=-1)
    loops = []

    async def look(_):
        loops.append(asyncio.get_running_loop())

    async with (
        httpx2.AsyncClient(event_hooks={"request": [look]}) as client,
        AsyncTrakt(app, service=trakt_server.base, store=place, http=client) as trakt,
    ):
        assert (await trakt.token()).generation == 2
    assert loops == [asyncio.get_running_loop()]


class NeverSaved(OwnAsyncStore):
    """An application's own async store, whose first change never comes to an end."""

    def __init__(self, store):
        super().__init__(store)
        self.began = threading.Event()

    async def apply(self, login, change):
        del login, change
        self.began.set()
        await asyncio.Event().wait()

    @asynccontextmanager
    async def lock(self, login, timeout):
        del login, timeout
        yield True


@pytest.mark.filterwarnings("ignore")  # the same
def test_an_async_store_whose_loop_was_closed_blocks_no_caller(place, sign_in, trakt_server, app):
    sign_in(place, left=-1)
    kept, outcomes = [], []
    store = NeverSaved(open_store(place))

    def call():
        with Trakt(app, service=trakt_server.base, store=place) as trakt:
            try:
                trakt.token()
            except StoreFailed as error:
                outcomes.append(error.message)

    waiting = threading.Thread(target=call)

    async def main(loop):
        trakt = AsyncTrakt(app, service=trakt_server.base, store=store)
        kept.append((trakt, asyncio.create_task(trakt.token())))
        await asyncio.to_thread(store.began.wait, 20)
        waiting.start()
        await asyncio.sleep(0.3)
        loop.stop()

    task, loop = abandoned(main)
    kept.append(task)
    del task
    waiting.join(60)
    assert outcomes == [f"{place} belongs to an event loop that does not run"]  # one refresh, and its outcome, for both
    with Trakt(app, service=trakt_server.base, store=place) as trakt:
        assert trakt.token().generation == 2
    assert len(trakt_server.refreshes) == 1
    kept.clear()
    store.loops.clear()
    collect(loop)


@pytest.mark.filterwarnings("ignore")  # the same
def test_a_client_of_the_applications_whose_loop_is_closed_ends_the_refresh(sign_in, trakt_server, app, place):
    old = sign_in(place, life=1000, left=10)
    go_on = threading.Event()
    trakt_server.before.append(lambda: go_on.wait(120))
    kept = []

    async def main(loop):
        client = httpx2.AsyncClient()
        trakt = AsyncTrakt(app, service=trakt_server.base, store=place, http=client)
        kept.append((client, trakt, asyncio.create_task(trakt.token())))
        await asyncio.to_thread(trakt_server.arrived.wait, 20)
        loop.stop()

    task, _ = abandoned(main)
    kept.append(task)
    del task
    with Trakt(app, service=trakt_server.base, store=place) as other:
        assert other.token() == old
    go_on.set()
    assert len(trakt_server.refreshes) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept.clear()
        gc.collect()  # but what anyio knows of a task that never ends, which holds the loop, is not collected


@pytest.mark.asyncio
async def test_a_cancelled_call_that_waits_for_another_process_ends_and_sends_nothing(
    sign_in, trakt_server, app, place
):
    sign_in(place, left=-1)
    store = open_store(place)
    login = LoginKey(trakt_server.base, app.client_id, "default")
    async with AsyncTrakt(app, service=trakt_server.base, store=place) as trakt:
        with store.lock(login, 0.0):
            task = asyncio.create_task(trakt.token())
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 60)
            assert await asyncio.to_thread(no_thread_is_left)
    assert trakt_server.refreshes == []
    with store.lock(login, 0.0) as held:
        assert held


@pytest.mark.asyncio
async def test_many_tasks_and_loops_take_one_thread_for_a_refresh(sign_in, trakt_server, app, place):
    sign_in(place, left=-1)
    go_on = threading.Event()
    trakt_server.before.append(lambda: go_on.wait(120))
    earlier = set(threading.enumerate())  # of other tests
    async with AsyncTrakt(app, service=trakt_server.base, store=place) as trakt:
        tasks = [asyncio.create_task(trakt.token()) for _ in range(1000)]
        assert await asyncio.to_thread(trakt_server.arrived.wait, 20)
        threads = [each for each in {*threading.enumerate()} - earlier if each.name.startswith("traktauth")]
        go_on.set()
        assert {token.generation for token in await asyncio.gather(*tasks)} == {2}
    assert len(threads) <= 8  # the leader's, the one that is not interrupted, the sender's, and the pool's
    assert len(trakt_server.refreshes) == 1


@pytest.mark.asyncio
async def test_an_async_store_of_the_application_is_used_in_its_loop_alone(sign_in, trakt_server, app, place):
    sign_in(place, left=-1)
    store = OwnAsyncStore(open_store(place))
    async with AsyncTrakt(app, service=trakt_server.base, store=store) as trakt:
        assert (await trakt.token()).generation == 2
        assert (await trakt.token()).generation == 2
    assert store.loops == {asyncio.get_running_loop()}
