"""The start of a race: the refreshes of all copies of a program are held, and released together."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from traktauth.lab.thread_states import LOOK_SECONDS, Sample, are_waiting, threads_below
from traktauth.lab.traffic import Traffic
from traktauth.sandbox.command_process import CommandProcess

QUIET_SECONDS, LONG_QUIET_SECONDS = 1.0, 3.0
"""For how long copies must have slept to count as waiting; the second while no refresh request has come."""
LONGEST_WAIT = 20.0
SHORT_WAIT = 5.0
"""Where the processor time of a process is unknown."""


def wait_until_all_wait(traffic: Traffic, processes: Sequence[CommandProcess]) -> None:
    """Wait until each copy has sent its refresh, has ended, or waits for another one."""
    until = time.monotonic() + (LONGEST_WAIT if sys.platform.startswith("linux") else SHORT_WAIT)
    seen: list[Sample] = []
    while time.monotonic() < until:
        running = [process for process in processes if process.wait(0) is None]
        if traffic.waiting >= len(running):
            break
        seen.append(Sample(time.monotonic(), threads_below([process.pid for process in running])))
        if are_waiting(seen, QUIET_SECONDS if traffic.waiting else LONG_QUIET_SECONDS):
            break
        time.sleep(LOOK_SECONDS)
