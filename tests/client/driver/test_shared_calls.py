"""Callers of one process share one run: its outcome, its error, its end."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stores.children import in_child
from traktauth import TryLater
from traktauth.client.driver import single_flight
from traktauth.client.driver.single_flight import run_shared, run_shared_async
from traktauth.flow.effects import BUSY


class Lead:
    """The work of a leader, which waits until it is told to go on."""

    def __init__(self):
        self.began, self.go_on = threading.Event(), threading.Event()

    def __call__(self):
        self.began.set()
        assert self.go_on.wait(120)
        return "outcome"

    def submitted(self, pool):
        """Let a thread lead, and return its future once it does."""
        leader = pool.submit(run_shared, "key", self, 5.0)
        assert self.began.wait(60)
        return leader


def test_callers_share_one_run():
    runs, together = [], threading.Barrier(10)

    def lead():
        runs.append(1)
        time.sleep(0.1)
        return "outcome"

    def call(_):
        together.wait(60)
        return run_shared("key", lead, 5.0)

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(call, range(10))) == {"outcome"}
    assert len(runs) == 1
    assert single_flight._calls == {}


def test_each_caller_raises_an_error_of_its_own():
    go_on, together = threading.Event(), threading.Barrier(3)

    def lead():
        go_on.wait(120)
        raise TryLater("busy", retry_after=7.0)

    def call(_):
        together.wait(60)
        with pytest.raises(TryLater) as caught:
            run_shared("key", lead, 5.0)
        return caught.value

    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(call, number) for number in range(3)]
        time.sleep(0.1)
        go_on.set()
        errors = [each.result() for each in calls]
    assert len({id(error) for error in errors}) == 3
    assert {error.retry_after for error in errors} == {7.0}


def test_a_leader_that_is_interrupted_leaves_the_lead_to_another():
    runs = []

    def lead():
        runs.append(1)
        time.sleep(0.05)
        if len(runs) == 1:
            raise KeyboardInterrupt
        return "outcome"

    def first():
        with pytest.raises(KeyboardInterrupt):
            run_shared("key", lead, 5.0)

    with ThreadPoolExecutor(2) as pool:
        interrupted = pool.submit(first)
        time.sleep(0.02)
        assert run_shared("key", lead, 5.0) == "outcome"
        interrupted.result()
    assert len(runs) == 2


def test_a_caller_with_a_short_timeout_learns_that_another_one_refreshes():
    lead = Lead()
    with ThreadPoolExecutor(1) as pool:
        leader = lead.submitted(pool)
        assert run_shared("key", lambda: pytest.fail("leads"), 0.0) is BUSY
        assert asyncio.run(run_shared_async("key", None, 0.0)) is BUSY
        lead.go_on.set()
        assert leader.result()


def test_a_leader_without_the_lock_has_found_out_nothing_for_the_others():
    runs, began = [], threading.Event()

    def lead():
        runs.append(1)
        began.set()
        time.sleep(0.05)
        return BUSY if len(runs) == 1 else "outcome"

    with ThreadPoolExecutor(1) as pool:
        impatient = pool.submit(run_shared, "key", lead, 0.0)
        assert began.wait(60)
        assert run_shared("key", lead, 5.0) == "outcome"
        assert impatient.result() is BUSY


def test_a_thread_and_a_loop_share_a_run():
    lead = Lead()

    async def wait():
        return await run_shared_async("key", None, 5.0)

    with ThreadPoolExecutor(2) as pool:
        leader = lead.submitted(pool)
        waiter = pool.submit(lambda: asyncio.run(wait()))
        time.sleep(0.1)
        lead.go_on.set()
        assert (leader.result(), waiter.result()) == ("outcome", "outcome")


def test_a_loop_that_ends_before_the_run_is_no_harm():
    lead = Lead()

    async def give_up():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run_shared_async("key", None, 5.0), 0.02)

    with ThreadPoolExecutor(1) as pool:
        leader = lead.submitted(pool)
        asyncio.run(give_up())
        lead.go_on.set()
        assert leader.result() == "outcome"


def test_a_forked_child_waits_for_no_run_of_its_parent():
    lead = Lead()
    with ThreadPoolExecutor(1) as pool:
        leader = lead.submitted(pool)
        assert in_child(lambda: run_shared("key", lambda: "its own", 5.0)) == "its own"
        lead.go_on.set()
        assert leader.result()


def test_other_tags_are_other_runs():
    assert run_shared("one", lambda: run_shared("two", lambda: "inner", 5.0) + " outer", 5.0) == "inner outer"


def test_a_callback_for_a_run_that_has_ended_is_called_at_once():
    call = single_flight.SharedCall()
    call.finish("outcome", None)
    called = []
    call.on_end(lambda: called.append(1))
    assert called == [1]
    assert call.wait(0.0)
    assert call.outcome() == "outcome"
