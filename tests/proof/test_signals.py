"""Signals at any step of a shared run."""

from __future__ import annotations

import random
import signal

import pytest

from traktauth.client import flights
from traktauth.client.drive import share


class Interrupted(BaseException):
    pass


@pytest.fixture
def alarm():
    """Raise Interrupted in this thread after some microseconds: `alarm(20)`."""

    def raised(*_):
        raise Interrupted

    before = signal.signal(signal.SIGALRM, raised)
    yield lambda microseconds: signal.setitimer(signal.ITIMER_REAL, microseconds / 1e6)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_signal_at_any_step_leaves_no_run_on_the_board_that_nobody_leads(alarm):
    chance, interrupted, done = random.Random(1), 0, 0
    for _ in range(4000):
        try:
            try:
                alarm(chance.uniform(1, 60))
                while True:
                    share("tag", lambda: "outcome", 0.0)
                    done += 1
            finally:
                alarm(0)
        except Interrupted:
            interrupted += 1
        assert flights._flights == {}
    assert interrupted == 4000
    assert done > 4000
