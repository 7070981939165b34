"""Signals at any step of a shared run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

from traktauth.client import flights
from traktauth.client.drive import share


class Interrupted(BaseException):
    pass


def raise_interrupted(*_):
    raise Interrupted


def fly_interrupted(rounds):
    """Share runs while an alarm comes some microseconds later, at whatever step; return how many runs ended."""
    signal.signal(signal.SIGALRM, raise_interrupted)
    chance, done = random.Random(1), 0
    for _ in range(rounds):
        until = time.monotonic() + 10
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1, 60) / 1e6)
                while time.monotonic() < until:
                    share("tag", lambda: "outcome", 0.0)
                    done += 1
                raise AssertionError("the alarm did not come, or was swallowed")
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            pass
        assert flights._flights == {}
    return done


def test_a_signal_at_any_step_leaves_no_run_on_the_board_that_nobody_leads():
    # In a process of its own: what measures coverage has locks that a signal leaves locked, and so has pytest's alarm.
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, timeout=120, env=bare, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 4000


if __name__ == "__main__":
    print(fly_interrupted(4000))
