"""Tell stories to an engine and a local Trakt: `python -m interop.replay.walk PROFILE ENGINE LOCAL [STORIES]`."""

from __future__ import annotations

import argparse
import sys
import time

from interop.replay.server import Server
from interop.replay.walk.cutting import differing
from interop.replay.walk.making import story_of


def main() -> int:
    """Tell them; print each that ends in a difference which is not meant, cut down to what it needs."""
    said = arguments()
    engine, local = Server(said.engine, said.profile, local=False), Server(said.local, said.profile, local=True)
    began, told, steps, meant, different = time.monotonic(), 0, 0, 0, 0
    while told < said.stories and time.monotonic() - began < said.seconds:
        story = story_of(said.profile, said.seed + told, said.steps)
        told, steps = told + 1, steps + len(story)
        outcome = differing(story, engine, local)
        if outcome and outcome.meant:
            meant += 1
        elif outcome:
            different += 1
            print(f"story {said.seed + told - 1}:\n{outcome}", flush=True)
    print(
        f"{told} stories, {steps} steps, {meant} with a difference that is meant, {different} with another, "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if different else 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m interop.replay.walk", description=__doc__)
    parser.add_argument("profile", choices=("current", "classic"))
    parser.add_argument("engine", metavar="ENGINE", help="a real engine's address")
    parser.add_argument("local", metavar="LOCAL", help="a local Trakt's, started with interop/seed.json")
    parser.add_argument("stories", type=int, nargs="?", default=100)
    parser.add_argument("--seed", type=int, default=0, help="the first story's number")
    parser.add_argument("--steps", type=int, default=16, help="how long a story is, before it looks who lives")
    parser.add_argument("--seconds", type=float, default=3600)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
