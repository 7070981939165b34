"""Judge a server by the recorded cases: `python -m fidelity.replay --help`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from fidelity.replay.cases import cases_of
from fidelity.replay.deviations import reason_to_skip
from fidelity.replay.runner import try_case
from fidelity.replay.server import Server


def main() -> int:
    """Print one line for each difference, then the counts."""
    said = arguments()
    bases = {"prev": said.base, "ui": said.base, "noprev": said.once}
    counts: Counter[str] = Counter()
    for case in cases_of(said.profile):
        if not case.name.startswith(said.only):
            continue
        reason = reason_to_skip(case) or ("" if bases[case.mode] else "no server that uses refresh tokens up at once")
        if reason:
            counts["out of scope"] += 1
            continue
        found = try_case(Server(bases[case.mode], said.profile, not said.engine), case)
        counts["failed" if found else "passed"] += 1
        for one in found:
            print(f"{case.name}: {one}")
    print(", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "out of scope")))
    return 1 if counts["failed"] else 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m fidelity.replay", description=__doc__)
    parser.add_argument("profile", choices=("current", "classic"))
    parser.add_argument("base", metavar="URL", help="a server with fidelity/seed.json and the control API")
    parser.add_argument("--once", metavar="URL", help="classic: one whose used refresh tokens die at once")
    parser.add_argument("--engine", action="store_true", help="it is a real engine, not a local Trakt")
    parser.add_argument("--only", metavar="PREFIX", default="", help="only the cases whose name begins so")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
