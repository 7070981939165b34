"""Threads for asyncio: cancellation, the end of the interpreter, forks, and event loops that do not run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from stores.children import in_child
from traktauth.client.driver import threads
from traktauth.client.driver.shield import uninterrupted
from traktauth.client.driver.threads import LoopUnavailable, in_lasting_thread, in_own_thread, in_thread, run_in_loop


class Slow:
    """Work that ends when it is told to."""

    def __init__(self):
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.is_done = False

    def __call__(self):
        self.reached.set()
        assert self.go_on.wait(120)
        self.is_done = True
        return "value"


@pytest.mark.asyncio
@pytest.mark.parametrize("function", [in_thread, in_lasting_thread])
async def test_a_cancelled_call_ends_when_its_thread_has_finished(function):
    work = Slow()
    task = asyncio.create_task(function(work))
    assert await asyncio.to_thread(work.reached.wait, 60)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.005)
        assert not task.done()
    work.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.is_done


TENANT = ContextVar("tenant", default="none")


@pytest.mark.asyncio
@pytest.mark.parametrize("function", [in_thread, in_lasting_thread, in_own_thread])
async def test_a_thread_has_the_callers_context(function):
    TENANT.set("acme")
    assert await function(TENANT.get) == "acme"


def test_the_thread_of_a_refresh_has_the_callers_context():
    TENANT.set("acme")
    assert uninterrupted(TENANT.get) == "acme"


@pytest.mark.asyncio
async def test_a_cancellation_is_passed_on_to_what_can_still_stop():
    work = Slow()
    task = asyncio.create_task(in_lasting_thread(work, work.go_on.set))
    assert await asyncio.to_thread(work.reached.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_forked_child_gets_threads_of_its_own():
    async def work():
        return await in_thread(lambda: 5)

    assert asyncio.run(work()) == 5
    assert in_child(lambda: asyncio.run(asyncio.wait_for(work(), 60))) == 5


SAVE_AT_THE_END = """
import asyncio, sys, threading
from pathlib import Path
from traktauth.client.driver import threads

async def main():
    await threads.in_thread(int)
    threading.main_thread().join()
    await asyncio.sleep(0.1)
    await getattr(threads, sys.argv[1])(lambda: print("saved"))

threading.Thread(target=lambda: asyncio.run(main())).start()
"""


@pytest.mark.parametrize("function", ["in_thread", "in_lasting_thread"])
def test_work_is_done_while_the_interpreter_is_ending(function):
    """A loop in a thread outlives the main thread; by then no pool takes work any more."""
    command = [sys.executable, "-c", SAVE_AT_THE_END, function]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "saved\n", "")


def test_work_that_the_pool_has_queued_is_done_once_although_no_thread_starts(monkeypatch):
    """The pool queues the work before it starts a thread, so another of its threads may do it later."""
    done, held = [], threading.Event()
    pool = ThreadPoolExecutor(4)
    monkeypatch.setattr(threads, "_pool", pool)
    pool.submit(held.wait, 20)
    real = threading.Thread.start

    def start(thread):
        if thread.name.startswith("ThreadPool"):
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)

    async def work():
        return await in_thread(lambda: done.append(1) or "value")

    assert asyncio.run(work()) == "value"
    held.set()
    pool.shutdown()
    assert done == [1]


# ---------------------------------------------------------------- into an event loop
async def value():
    return "value"


@pytest.mark.asyncio
async def test_work_in_the_loop_of_this_very_thread_is_refused():
    with pytest.raises(LoopUnavailable) as caught:
        run_in_loop(asyncio.get_running_loop(), value, 5.0)
    assert not caught.value.began


@pytest.mark.parametrize("state", ["closed", "stopped"])
def test_a_loop_that_does_not_run_is_not_waited_for_without_end(state):
    loop = asyncio.new_event_loop()
    if state == "closed":
        loop.close()
    with pytest.raises(LoopUnavailable) as caught:
        run_in_loop(loop, value, 0.3)
    assert not caught.value.began
    loop.close()


@pytest.mark.asyncio
async def test_an_error_of_the_work_is_raised_also_a_timeout():
    async def fail():
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"):
        await asyncio.to_thread(run_in_loop, asyncio.get_running_loop(), fail, 5.0)
