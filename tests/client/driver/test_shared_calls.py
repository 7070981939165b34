"""Callers of one process share one run: its outcome, its error, its end."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stores.children import in_child
from traktauth import TryLater
from traktauth.client.driver import single_flight
from traktauth.client.driver.async_driver import run_shared_async
from traktauth.client.driver.single_flight import run_shared
from traktauth.flow.effects import BUSY


class Lead:
    """The work of a leader, which waits until it is told to go on."""

    def __init__(self, outcome="outcome"):
        self.outcome, self.runs = outcome, 0
        self.began, self.go_on = threading.Event(), threading.Event()

    def __call__(self):
        self.runs += 1
        self.began.set()
        assert self.go_on.wait(120)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def submitted(self, pool, timeout=120.0):
        """Let a thread lead, and return its future once it does."""
        leader = pool.submit(run_shared, "key", self, timeout)
        assert self.began.wait(60)
        return leader


def never():
    pytest.fail("leads")


def ten_calls(lead):
    """Let nine callers wait for the run of a tenth; return the ended calls."""
    waiting = threading.Semaphore(0)
    with ThreadPoolExecutor(10) as pool:
        calls = [lead.submitted(pool)]
        calls += [pool.submit(run_shared, "key", never, 120.0, on_wait=waiting.release) for _ in range(9)]
        for _ in range(9):
            assert waiting.acquire(timeout=60)
        lead.go_on.set()
    return calls


def test_callers_share_one_run():
    lead = Lead()
    assert {call.result() for call in ten_calls(lead)} == {"outcome"}
    assert lead.runs == 1
    assert single_flight._calls == {}


def test_each_caller_raises_an_error_of_its_own():
    errors = [call.exception() for call in ten_calls(Lead(TryLater("busy", retry_after=7.0)))]
    assert len({id(error) for error in errors}) == 10
    assert {error.retry_after for error in errors} == {7.0}


@pytest.mark.parametrize("ends_with", [KeyboardInterrupt(), BUSY], ids=["interrupted", "without the lock"])
def test_a_waiter_leads_next_if_the_leader_ends_without_an_outcome(ends_with):
    lead = Lead(ends_with)
    with ThreadPoolExecutor(1) as pool:
        leader = lead.submitted(pool)
        assert run_shared("key", lambda: "outcome", 120.0, on_wait=lead.go_on.set) == "outcome"
        if ends_with is BUSY:
            assert leader.result() is BUSY
        else:
            assert leader.exception() is ends_with


def test_a_caller_with_a_short_timeout_learns_that_another_one_refreshes():
    lead = Lead()
    with ThreadPoolExecutor(1) as pool:
        leader = lead.submitted(pool)
        assert run_shared("key", never, 0.0) is BUSY
        assert asyncio.run(run_shared_async("key", None, 0.0)) is BUSY
        lead.go_on.set()
        assert leader.result()


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
