"""The processes of a run: servers on one core, the load on the other, and what they have used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER, LOAD = (CORES[0], CORES[1]) if len(CORES) > 1 else (None, None)


def pinned(core: int | None):
    """Give what a process does first to stay on one core, where the system lets it."""
    return None if core is None else lambda: os.sched_setaffinity(0, {core})


def offspring(process: int) -> list[int]:
    """Give a process and all that came of it."""
    found = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in task.read_text().split():
            found += offspring(int(child))
    return found


def cpu(process: int) -> float:
    """Give the seconds that a process and all that came of it have run (0 without /proc)."""
    total = 0
    for one in offspring(process):
        stat = Path(f"/proc/{one}/stat")
        if stat.exists():
            fields = stat.read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident(process: int) -> float:
    """Give the MB that a process keeps in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


class Failed(Exception):
    """The load ended, or an answer was wrong."""


class Load:
    """A process that sends; see `load.py`."""

    def __init__(self, core: int | None = LOAD, **plan) -> None:
        command = [sys.executable, str(HERE / "load.py")]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=pinned(core),  # noqa: PLW1509 - no thread runs here
        )
        self.ask(do="open", **plan)

    def ask(self, **plan) -> dict:
        self.process.stdin.write(json.dumps(plan) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"it ended with {self.process.wait()}"}
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
