"""Work that signals do not stop, and work that waits for a person."""

from __future__ import annotations

import _thread
import asyncio
import threading
import time

import pytest

from stores.children import in_child
from support.own_thread import replace_in_this_thread
from traktauth.client.driver.shield import Unfinished, uninterrupted
from traktauth.client.driver.threads import in_own_thread


def test_work_returns_its_value_and_raises_its_error():
    assert uninterrupted(lambda: 5) == 5
    with pytest.raises(KeyError, match="mine"):
        uninterrupted(lambda: (_ for _ in ()).throw(KeyError("mine")))


def test_interrupts_come_after_the_work():
    done = []

    def work():
        for _ in range(3):
            _thread.interrupt_main()
            time.sleep(0.05)
        done.append(True)

    with pytest.raises(KeyboardInterrupt):
        uninterrupted(work)
    assert done == [True]


def test_an_interrupt_goes_before_the_works_own_error():
    def work():
        _thread.interrupt_main()
        time.sleep(0.05)
        raise KeyError

    with pytest.raises(KeyboardInterrupt):
        uninterrupted(work)


def interrupted_start(*, after):
    real = threading.Thread.start

    def start(self):
        if after:
            real(self)
        raise KeyboardInterrupt

    return start


def test_work_that_an_interrupt_kept_from_beginning_never_begins(monkeypatch):
    done = []
    with monkeypatch.context() as patch:
        replace_in_this_thread(patch, threading.Thread, "start", interrupted_start(after=False))
        with pytest.raises(KeyboardInterrupt):
            uninterrupted(lambda: done.append(True))
    assert done == []


def test_work_that_had_begun_is_waited_for(monkeypatch):
    begun, done = threading.Event(), []
    real = threading.Thread.start

    def start(self):
        real(self)
        begun.wait(60)
        raise KeyboardInterrupt

    def work():
        begun.set()
        time.sleep(0.05)
        done.append(True)

    with monkeypatch.context() as patch:
        replace_in_this_thread(patch, threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt):
            uninterrupted(work)
    assert done == [True]


def test_work_is_done_in_this_thread_if_none_can_be_started(monkeypatch):
    def start(_):
        raise RuntimeError("can't start new thread")

    replace_in_this_thread(monkeypatch, threading.Thread, "start", start)
    assert uninterrupted(threading.get_ident) == threading.get_ident()


def test_a_forked_child_waits_for_none_of_its_parents_work():
    unfinished = Unfinished()
    with unfinished:
        assert in_child(unfinished.wait) is None
    unfinished.wait()


@pytest.mark.asyncio
async def test_waiting_for_a_prompt_blocks_no_other_task_and_can_be_cancelled():
    answer = threading.Event()
    task = asyncio.create_task(in_own_thread(lambda: answer.wait(120)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    answer.set()
    assert await in_own_thread(lambda: answer.wait(120))
    with pytest.raises(KeyError):
        await in_own_thread(lambda: {}["missing"])


def test_an_answer_that_comes_after_the_loop_has_ended_is_dropped():
    answer, threads = threading.Event(), []

    async def give_up():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(in_own_thread(lambda: answer.wait(120)), 0.02)
        threads.extend(thread for thread in threading.enumerate() if thread.name == "traktauth-person")

    asyncio.run(give_up())
    answer.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
