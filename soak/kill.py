#!/usr/bin/env python3
"""Kill random processes of eight that share a login at real better-auth, round after round; say what was lost.

Usage: .venv/bin/python soak/kill.py [ROUNDS] [--store file|sqlite] [--seed N] [--state FILE] [--seconds N]

An access token lives for three seconds. In each round one to three processes die by SIGKILL around a refresh, in most
of them the one that sends. A login may be lost only where its response was on its way at the kill, or had arrived and
was not yet saved; then the old token must be served to its end, a probe and one more sending made, and a new sign-in
asked for. With --state a run that was stopped (also by --seconds) goes on where it was. Exit status 1 if a login was
lost otherwise, 2 if rounds are left.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for fidelity
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from proof.kill_rounds import LIFE, KillRounds, summary
from support.engines import start_better_auth


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rounds", type=int, nargs="?", default=100)
    parser.add_argument("--store", choices=["file", "sqlite"], default="file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--seconds", type=float, default=3600.0)
    options = parser.parse_args()
    state = {"tally": {}, "lost": []}
    if options.state and options.state.exists():
        state = json.loads(options.state.read_text())
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        engine = start_better_auth(Path(folder), ACCESS_TTL=f"{LIFE}")
        chance = random.Random(options.seed + state["tally"].get("rounds", 0))  # noqa: S311 - chance needs no secrecy
        try:
            with closing(KillRounds(engine, f"{options.store}:{folder}/logins", chance)) as rounds:
                rounds.tally, rounds.lost = Counter(state["tally"]), state["lost"]
                while rounds.tally["rounds"] < options.rounds and time.monotonic() - began < options.seconds:
                    rounds.round()
                    print(summary(rounds), file=sys.stderr, flush=True)
                    if options.state:
                        options.state.write_text(json.dumps({"tally": rounds.tally, "lost": rounds.lost}))
        finally:
            engine.server.stop()
    print(f"{options.store}: {summary(rounds)}; {time.monotonic() - began:.0f} s")
    for one in rounds.lost:
        print(one)
    return 1 if rounds.lost else 2 * (rounds.tally["rounds"] < options.rounds)


if __name__ == "__main__":
    sys.exit(main())
