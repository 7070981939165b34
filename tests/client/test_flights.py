"""Callers of one process share one run: its outcome, its error, its end."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stores.children import in_child
from traktauth import TryLater
from traktauth.client import flights
from traktauth.client.adrive import _share
from traktauth.client.drive import share
from traktauth.flow.effects import BUSY


def test_callers_share_one_run():
    runs, together = [], threading.Barrier(10)

    def lead():
        runs.append(1)
        time.sleep(0.1)
        return "outcome"

    def call(_):
        together.wait(5)
        return share("tag", lead, 5.0)

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(call, range(10))) == {"outcome"}
    assert len(runs) == 1
    assert flights._flights == {}


def test_each_caller_raises_an_error_of_its_own():
    go_on, together = threading.Event(), threading.Barrier(3)

    def lead():
        go_on.wait(5)
        raise TryLater("busy", retry_after=7.0)

    def call(_):
        together.wait(5)
        with pytest.raises(TryLater) as caught:
            share("tag", lead, 5.0)
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
            share("tag", lead, 5.0)

    with ThreadPoolExecutor(2) as pool:
        interrupted = pool.submit(first)
        time.sleep(0.02)
        assert share("tag", lead, 5.0) == "outcome"
        interrupted.result()
    assert len(runs) == 2


def test_who_has_no_patience_is_told_that_somebody_is_at_it():
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(share, "tag", lambda: go_on.wait(5), 5.0)
        time.sleep(0.02)
        assert share("tag", lambda: pytest.fail("leads"), 0.0) is BUSY
        assert asyncio.run(_share("tag", None, 0.0)) is BUSY
        go_on.set()
        assert leader.result()


def test_a_leader_without_the_lock_has_found_out_nothing_for_the_others():
    runs = []

    def lead():
        runs.append(1)
        time.sleep(0.05)
        return BUSY if len(runs) == 1 else "outcome"

    with ThreadPoolExecutor(1) as pool:
        impatient = pool.submit(share, "tag", lead, 0.0)
        time.sleep(0.02)
        assert share("tag", lead, 5.0) == "outcome"
        assert impatient.result() is BUSY


def test_a_thread_and_a_loop_share_a_run():
    go_on = threading.Event()

    async def wait():
        return await _share("tag", None, 5.0)

    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(share, "tag", lambda: go_on.wait(5) and "outcome", 5.0)
        time.sleep(0.02)
        waiter = pool.submit(lambda: asyncio.run(wait()))
        time.sleep(0.1)
        go_on.set()
        assert (leader.result(), waiter.result()) == ("outcome", "outcome")


def test_a_loop_that_ends_before_the_run_is_no_harm():
    go_on = threading.Event()

    async def give_up():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_share("tag", None, 5.0), 0.02)

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(share, "tag", lambda: go_on.wait(5) and "outcome", 5.0)
        time.sleep(0.02)
        asyncio.run(give_up())
        go_on.set()
        assert leader.result() == "outcome"


def test_a_forked_child_waits_for_no_run_of_its_parent():
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(share, "tag", lambda: go_on.wait(5), 5.0)
        time.sleep(0.02)
        assert in_child(lambda: share("tag", lambda: "its own", 5.0)) == "its own"
        go_on.set()
        assert leader.result()


def test_other_tags_are_other_runs():
    assert share("one", lambda: share("two", lambda: "inner", 5.0) + " outer", 5.0) == "inner outer"
