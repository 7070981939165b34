"""A refresh of AsyncTrakt comes to its end, whatever happens to the event loop that asked for it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
import weakref

import httpx2
import pytest

from traktauth import AsyncTrakt, Trakt
from traktauth.client.driver import refresh_loop
from traktauth.client.driver.refresh_loop import in_refresh_loop
from traktauth.models import LoginKey
from traktauth.stores.adapters.threaded_store import ThreadedStore
from traktauth.stores.open import open_store


@pytest.fixture
def place(tmp_path):
    return f"sqlite:{tmp_path}/tokens.db"


def no_thread_is_left():
    for thread in threading.enumerate():
        if thread.name == "traktauth-refresh":
            thread.join(120)
    return refresh_loop._current is None


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


class OfItsLoop(ThreadedStore):
    """An application's own async store, which serves one event loop alone; its first change never comes to an end."""

    any_loop = False

    def __init__(self, store):
        super().__init__(store)
        self.began = threading.Event()

    async def apply(self, login, change):
        del login, change
        self.began.set()
        await asyncio.Event().wait()


@pytest.mark.filterwarnings("ignore")  # the same
@pytest.mark.parametrize("caller", ["blocking", pytest.param("async", marks=pytest.mark.slow)])
@pytest.mark.parametrize("moment", ["before the next call", "while the next call waits"])
def test_a_store_whose_loop_was_closed_blocks_no_caller(place, sign_in, trakt_server, app, caller, moment):
    sign_in(place, left=-1)
    kept, outcomes = [], []
    store = OfItsLoop(open_store(place))

    async def main(loop):
        trakt = AsyncTrakt(app, service=trakt_server.base, store=store)
        kept.append((trakt, asyncio.create_task(trakt.token())))
        await asyncio.to_thread(store.began.wait, 20)
        if moment == "while the next call waits":
            waiting.start()
            await asyncio.sleep(0.3)
        loop.stop()

    async def token():
        async with AsyncTrakt(app, service=trakt_server.base, store=place) as trakt:
            return await trakt.token()

    def call():
        if caller == "async":
            outcomes.append(asyncio.run(token()).generation)
        else:
            with Trakt(app, service=trakt_server.base, store=place) as trakt:
                outcomes.append(trakt.token().generation)

    waiting = threading.Thread(target=call)
    task, loop = abandoned(main)
    kept.append(task)
    del task
    if moment == "before the next call":
        waiting.start()
    waiting.join(60)
    assert outcomes == [2]
    assert len(trakt_server.refreshes) == 1
    kept.clear()
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
async def test_a_cancellation_before_the_first_step_ends_the_work():
    async def never():
        pytest.fail("began")

    for _ in range(20):
        task = asyncio.create_task(in_refresh_loop(lambda: asyncio.sleep(60), lambda: None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await asyncio.to_thread(no_thread_is_left)
