"""The start of a race: until all copies of a program have sent a refresh, have ended, or wait for another one."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from traktauth.interception.command_process import CommandProcess
from traktauth.lab.traffic import Traffic

LOOK_SECONDS = 0.1
"""How often the copies of a race are looked at."""
MOST_TICKS = 2
"""Of the processor's time that a waiting process may use meanwhile: it may look whether it can go on."""


class Task(NamedTuple):
    """A thread of a copy.

    Attributes:
        is_asleep: whether it waits for something other than the processor or a disk.
        ticks: the processor's time that it has used.
    """

    is_asleep: bool
    ticks: int


class Sample(NamedTuple):
    """The threads of all copies at one time, by their ids."""

    at: float
    tasks: Mapping[int, Task]


def are_waiting(samples: Sequence[Sample], seconds: float) -> bool:
    """Return whether all tasks have slept for the last *seconds*, except for short looks at something.

    A task that waits for the processor does not sleep, so that a busy machine does not look like a waiting program.
    """
    if not samples or not samples[-1].tasks:
        return False
    last = samples[-1]
    since = [sample for sample in samples if sample.at >= last.at - seconds]
    # Counted as well, as this process may itself have had to wait for the processor.
    if last.at - samples[0].at < seconds or len(since) <= seconds / LOOK_SECONDS / 2:
        return False
    for name, task in last.tasks.items():
        earlier = [sample.tasks[name] for sample in since if name in sample.tasks]
        is_new = len(earlier) < len(since)
        sleeps = sum(one.is_asleep for one in earlier)
        if is_new or task.ticks - earlier[0].ticks > MOST_TICKS or sleeps <= len(earlier) / 2:
            return False
    return True


def threads_below(supervisors: Sequence[int]) -> dict[int, Task]:
    """Return the threads of all processes below these, by their ids; none where they are unknown."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):  # not on Linux
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    children.setdefault(int(_fields(folder / "stat")[1]), []).append(int(folder.name))
    found: dict[int, Task] = {}
    waiting = list(supervisors)
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError, IndexError):
                    fields = _fields(task / "stat")
                    found[int(task.name)] = Task(fields[0] in b"SZTtX", int(fields[11]) + int(fields[12]))
    return found


def _fields(stat: Path) -> list[bytes]:
    """Return the fields of a process's status after its name: state, parent, …, user time, system time (proc(5))."""
    return stat.read_bytes().rpartition(b")")[2].split()


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
