"""What the pytest plugin costs: an empty run with and without it, and the first and later `local_trakt` of a run.

Runs with and without it are interleaved. What it adds is measured in CPU time, as an empty run waits for nothing and
the clock of a busy machine shows what other programs do.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 25
TESTS = 20
PLUGIN = ("-p", "traktauth.testing.plugin")
LIMITS_MS = {"added_ms": 30, "first_ms": 100, "later_ms": 5}
FIXTURES = f"""
import pathlib, time, pytest
import traktauth.testing.local

times = []

@pytest.fixture
def began():
    return time.perf_counter()

@pytest.mark.parametrize("number", range({TESTS}))
def test_it(began, local_trakt, number):
    times.append((time.perf_counter() - began) * 1000)
    local_trakt.sign_in("sean")

def test_last():
    pathlib.Path("times").write_text(repr(times))
"""


def run(folder, *options):
    """Run pytest; return its seconds by the clock and by the CPU."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the other plugins of this environment take longer
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def empty_runs(folder):
    """Return the rounds of an empty run: without and with the plugin, by turns, as (seconds, CPU seconds)."""
    (folder / "test_mine.py").write_text("def test_nothing(): pass\n")
    return [(run(folder), run(folder, *PLUGIN)) for _ in range(ROUNDS)]


def fixtures(folder):
    """Return the milliseconds of each `local_trakt` of a run."""
    (folder / "test_mine.py").write_text(FIXTURES)
    run(folder, *PLUGIN)
    return [float(each) for each in (folder / "times").read_text().strip("[]").split(", ")]


def main():
    """Measure, and print JSON; `limits_ms` are those of the plugin's description."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        rounds = empty_runs(folder)
        runs = [fixtures(folder) for _ in range(ROUNDS)]
    found = {
        "added_ms": statistics.median(plugin[1] - bare[1] for bare, plugin in rounds) * 1000,
        "first_ms": min(times[0] for times in runs),
        "later_ms": statistics.median(statistics.median(times[1:]) for times in runs),
    }
    more = {
        "empty_run_ms": statistics.median(bare[1] for bare, _ in rounds) * 1000,
        "added_clock_ms": statistics.median(plugin[0] - bare[0] for bare, plugin in rounds) * 1000,
        "first_ms_median": statistics.median(times[0] for times in runs),
        "later_ms_max": max(max(times[1:]) for times in runs),
    }
    print(
        json.dumps(
            {name: round(value, 1) for name, value in (found | more).items()}
            | {
                "limits_ms": LIMITS_MS,
                "over": [name for name, limit in LIMITS_MS.items() if found[name] > limit],
                "load": round(os.getloadavg()[0], 1),
                "python": sys.version.split()[0],
            }
        )
    )


if __name__ == "__main__":
    main()
