"""Signals at any step of a shared run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from traktauth.client.driver import single_flight
from traktauth.client.driver.single_flight import run_shared


class Interrupted(BaseException):
    pass


def raise_interrupted(*_):
    raise Interrupted


ENDED = []  # one entry for each run that ended


def share_until(deadline):
    """Share runs until the alarm comes. A function: 3.13 compiles a loop's jump outside the `try` around the loop."""
    while time.monotonic() < deadline:
        run_shared("tag", lambda: "outcome", 0.0)
        ENDED.append(True)
    raise AssertionError("the alarm did not come, or was swallowed")


def fly_interrupted(rounds):
    """Share runs while an alarm comes some microseconds later, at whatever step; return how many runs ended."""
    signal.signal(signal.SIGALRM, raise_interrupted)
    chance = random.Random(1)
    for _ in range(rounds):
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1, 60) / 1e6)
                share_until(time.monotonic() + 10)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            pass
        assert single_flight._calls == {}
    return len(ENDED)


@pytest.mark.slow
def test_a_signal_at_any_step_leaves_no_run_without_a_leader_in_the_registry():
    # In a process of its own: what measures coverage has locks that a signal leaves locked, and so has pytest's alarm.
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, timeout=120, env=bare, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 4000


if __name__ == "__main__":
    print(fly_interrupted(4000))
