"""Tell scenarios to an engine and a local Trakt: `python -m fidelity.fuzz PROFILE ENGINE LOCAL [STORIES]`."""

from __future__ import annotations

import argparse
import sys
import time

from fidelity.fuzz.generator import generate_scenario
from fidelity.fuzz.reduction import reduce_scenario
from fidelity.replay.server import Server


def main() -> int:
    """Tell them; print each that ends in a difference which is not meant, cut down to what it needs."""
    options = arguments()
    engine, local = (
        Server(options.engine, options.profile, local=False),
        Server(options.local, options.profile, local=True),
    )
    began, completed, steps, meant, different = time.monotonic(), 0, 0, 0, 0
    while completed < options.scenarios and time.monotonic() - began < options.seconds:
        scenario = generate_scenario(options.profile, options.seed + completed, options.steps)
        completed, steps = completed + 1, steps + len(scenario)
        outcome = reduce_scenario(scenario, engine, local)
        if outcome and outcome.meant:
            meant += 1
        elif outcome:
            different += 1
            print(f"scenario {options.seed + completed - 1}:\n{outcome}", flush=True)
    print(
        f"{completed} scenarios, {steps} steps, {meant} with a difference that is meant, {different} with another, "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if different else 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m fidelity.fuzz", description=__doc__)
    parser.add_argument("profile", choices=("current", "classic"))
    parser.add_argument("engine", metavar="ENGINE", help="a real engine's address")
    parser.add_argument("local", metavar="LOCAL", help="a local Trakt's, started with fidelity/seed.json")
    parser.add_argument("scenarios", type=int, nargs="?", default=100)
    parser.add_argument("--seed", type=int, default=0, help="the first scenario's number")
    parser.add_argument("--steps", type=int, default=16, help="how long a scenario is, before it looks who lives")
    parser.add_argument("--seconds", type=float, default=3600)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
