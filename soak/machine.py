#!/usr/bin/env python3
"""Hold the local Trakt against the model of its tests, in many more made-up scenarios than the tests have time for.

Usage: .venv/bin/python soak/machine.py [STORIES] [--seed N] [--steps N] [--seconds N]

Apps and users sign in, exchange, refresh, revoke, poll and wait in any order, on both profiles in turn; each answer
must be the one that the model foretells. Each seed is one round of 500 scenarios of each profile, the same each time,
so a run that ended can be taken up with `--seed`. Exit status 1 if an answer was another, 2 if scenarios are left when
the time is over.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for fidelity
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import hypothesis.core

from server.conftest import SEED, Client
from server.test_state_machine import MODELS, explore
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.settings import Settings

ROUND = 500


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("scenarios", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=7200.0)
    options = parser.parse_args()
    logging.getLogger("uvicorn.error").disabled = True
    began, number, done, fault = time.monotonic(), options.seed, 0, ""
    while done < options.scenarios and time.monotonic() - began < options.seconds and not fault:
        fault = round_of(number, options.steps)
        number, done = number + 1, done + ROUND * len(MODELS)
        print(f"seed {number - 1}: {done} scenarios", file=sys.stderr, flush=True)
    told = (
        f"{done} of {options.scenarios} scenarios of up to {options.steps} steps, seeds {options.seed} to {number - 1}"
    )
    print(f"{told}: {'an answer that was not foretold' if fault else '0 faults'}, {time.monotonic() - began:.0f} s")
    print(fault, end="")
    return 1 if fault else 2 * (done < options.scenarios)


def round_of(number: int, steps: int) -> str:
    """Run one round; return what was wrong."""
    for profile in MODELS:
        random.seed(number)
        hypothesis.core.global_force_seed = random.getrandbits(64)
        with ExitStack() as until_the_end:
            settings = Settings(port=0, database="memory:", control=True, seed=SEED, profile=profile)
            server = until_the_end.enter_context(EmbeddedServer(settings))
            try:
                explore(Client(server), profile, examples=ROUND, steps=steps)
            except Exception as error:  # noqa: BLE001 - shown
                return f"{profile}: {type(error).__name__}: {error}\n"
    return ""


if __name__ == "__main__":
    sys.exit(main())
