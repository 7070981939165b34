"""A blocking store in an asyncio program: cancellation, timeout, the end of the interpreter."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from stores.children import in_child
from traktauth.models import LoginKey, Token
from traktauth.models.changes import SaveToken
from traktauth.stores.adapters.threaded_store import ThreadedStore, in_thread
from traktauth.stores.memory import MemoryStore

LOGIN = LoginKey("trakt", "app", "default")


class SlowStore(MemoryStore):
    """A store whose work is done when it is told to go on."""

    def __init__(self):
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.entered = 0

    def apply(self, login, change):
        self.reached.set()
        assert self.go_on.wait(120)
        return super().apply(login, change)

    def lock(self, login, timeout):
        return Slowly(self, super().lock(login, timeout))


class Slowly:
    def __init__(self, store, lock):
        self.store, self.lock = store, lock

    def __enter__(self):
        held = self.lock.__enter__()
        self.store.entered += 1
        self.store.reached.set()
        assert self.store.go_on.wait(120)
        return held

    def __exit__(self, *error):
        return self.lock.__exit__(*error)


async def reached(store):
    assert await asyncio.to_thread(store.reached.wait, 60)


@pytest.mark.asyncio
async def test_a_cancelled_call_ends_when_its_thread_has_finished():
    store = SlowStore()
    task = asyncio.create_task(ThreadedStore(store).apply(LOGIN, SaveToken(Token("a", generation=1), after=0, at=1.0)))
    await reached(store)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.005)
        assert not task.done()
    store.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.load(LOGIN).generation == 1


@pytest.mark.asyncio
async def test_a_cancellation_while_the_lock_is_being_taken_leaves_it_free():
    store = SlowStore()

    async def hold():
        async with ThreadedStore(store).lock(LOGIN, 5.0):
            pytest.fail("cancelled before")

    task = asyncio.create_task(hold())
    await reached(store)
    task.cancel()
    await asyncio.sleep(0.01)
    store.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    with MemoryStore.lock(store, LOGIN, 0.0) as held:
        assert held


@pytest.mark.asyncio
async def test_a_cancellation_while_waiting_for_the_lock_leaves_it_to_its_holder():
    store = MemoryStore()

    async def hold():
        async with ThreadedStore(store).lock(LOGIN, 60.0):
            pytest.fail("held by another")

    with store.lock(LOGIN, 0.0):
        task = asyncio.create_task(hold())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with store.lock(LOGIN, 0.0) as held:
        assert held


@pytest.mark.asyncio
async def test_a_hundred_waiters_keep_no_thread_waiting():
    """Four threads serve them all, and one who renews meanwhile is not kept from saving."""
    store = ThreadedStore(MemoryStore())
    order = []

    async def wait(number):
        async with store.lock(LOGIN, 300.0) as held:
            assert held
            order.append(number)

    async with store.lock(LOGIN, 0.0):
        tasks = [asyncio.create_task(wait(number)) for number in range(100)]
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(store.apply(LOGIN, SaveToken(Token("a", generation=1), after=0, at=1.0)), 60)
        assert order == []
    await asyncio.gather(*tasks)
    assert sorted(order) == list(range(100))


def test_a_forked_child_gets_threads_of_its_own():
    async def work():
        return await in_thread(lambda: 5)

    assert asyncio.run(work()) == 5
    assert in_child(lambda: asyncio.run(asyncio.wait_for(work(), 60))) == 5


SAVE_AT_THE_END = """
import asyncio, sys, threading
from traktauth.models import LoginKey, Token
from traktauth.stores.file.store import FileStore
from traktauth.stores.adapters.threaded_store import ThreadedStore
from traktauth.models.changes import SaveToken
login = LoginKey("trakt", "app", "default")

async def main():
    store = ThreadedStore(FileStore(sys.argv[1]))
    await store.load(login)
    threading.main_thread().join()
    await asyncio.sleep(0.1)
    assert await store.apply(login, SaveToken(Token("a", generation=1), after=0, at=1.0))

threading.Thread(target=lambda: asyncio.run(main())).start()
"""


def test_a_token_is_saved_while_the_interpreter_is_ending(tmp_path):
    """A loop in a thread outlives the main thread; by then no pool takes work any more."""
    path = tmp_path / "tokens.json"
    done = subprocess.run([sys.executable, "-c", SAVE_AT_THE_END, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.exists()
