#!/usr/bin/env python3
"""Play many worlds in which programs race, crash and lose answers, on the real flows and drivers; say what came of it.

Usage: .venv/bin/python soak/simulate.py [STEPS] [--seed N] [--actions N] [--state FILE] [--seconds N]

Each seed is one world: an engine's rule, two to five programs, a network, a disk and clocks that fail. It is the same
each time, so `simulate.py 1 --seed N` shows again what a violation named. With --state a run that was stopped (also by
--seconds) goes on where it was. Exit status 1 if anything happened that must never happen, 2 if steps are left.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from proof.scheduler import simulate
from proof.world import Violation


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("steps", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--actions", type=int, default=40)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--seconds", type=float, default=1800.0)
    options = parser.parse_args()
    logging.disable()
    state = {"seed": options.seed, "steps": 0, "violations": {}, "tally": {}}
    if options.state and options.state.exists():
        state = json.loads(options.state.read_text())
    tally = Counter(state["tally"])
    began = time.monotonic()
    first = state["seed"]
    while state["steps"] < options.steps and time.monotonic() - began < options.seconds:
        play(state, tally, options.actions)
        if state["seed"] % 500 == 0:
            print(f"seed {state['seed']}: {state['steps']} steps", file=sys.stderr, flush=True)
    state["tally"] = dict(tally)
    if options.state:
        options.state.write_text(json.dumps(state))
    print(
        f"{state['steps']} steps in {state['seed'] - options.seed} worlds "
        f"(seeds {options.seed} to {state['seed'] - 1}; this run from {first} on): "
        + ", ".join(f"{count} {name}" for name, count in sorted(tally.items()))
        + f"; {len(state['violations'])} violations, {time.monotonic() - began:.0f} s"
    )
    for seed, claim in state["violations"].items():
        print(f"seed {seed}: {claim}")
    return 1 if state["violations"] else 2 * (state["steps"] < options.steps)


def play(state: dict, tally: Counter, actions: int) -> None:
    """Play the next world."""
    seed = state["seed"]
    try:
        simulation = simulate(random.Random(seed), actions)  # noqa: S311 - a world needs no secrecy
    except Violation as violation:
        state["violations"][seed] = str(violation)
    else:
        state["steps"] += simulation.steps
        tally.update(simulation.tally)
    state["seed"] += 1


if __name__ == "__main__":
    sys.exit(main())
