#!/usr/bin/env python3
"""Send made-up requests to every address that the local Trakt describes, on both profiles.

Usage: .venv/bin/python soak/fuzz.py [REQUESTS] [--seed N] [--each N] [--seconds N]

schemathesis makes the requests from `/openapi.json`, half of them against its rules; into half of them true
values are put, an app's, a living code's or token's, so that every check is come to. Every answer must be one that the
description names, and none a 5xx; in the end a login must still work. Each seed is one round, the same each time. Exit
status 1 if anything else happened, 2 if requests are left when the time is over.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing

from fuzzing import Fuzzing

from traktauth.testing import LocalTrakt

PROFILES = ("current", "classic")


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("requests", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=3600.0)
    options = parser.parse_args()
    logging.getLogger("uvicorn.error").disabled = True
    began, number = time.monotonic(), options.seed
    with ExitStack() as until_the_end:
        servers = [until_the_end.enter_context(LocalTrakt(profile=profile)) for profile in PROFILES]
        fuzzings = [until_the_end.enter_context(closing(fuzzing_of(server))) for server in servers]

        def done() -> int:
            return sum(one.done for one in fuzzings)

        def over() -> bool:
            return done() >= options.requests or time.monotonic() - began > options.seconds

        while not over():
            for one in fuzzings:
                one.round(options.each, number, stop=over)
            number += 1
            print(f"seed {number - 1}: {done()} requests", file=sys.stderr, flush=True)
        lost = [server.settings.profile for server in servers if not server.sign_in("sean")["access_token"]]
    answers = sum((one.answers for one in fuzzings), Counter[int]())
    faults = sum((one.faults for one in fuzzings), Counter[str]())
    told = ", ".join(f"{count} x {status}" for status, count in sorted(answers.items()))
    print(
        f"{done()} of {options.requests} requests, seeds {options.seed} to {number - 1}: {told}; "
        f"{faults.total()} faults, {time.monotonic() - began:.0f} s"
    )
    for fault, count in faults.items():
        print(f"{count} x {fault}")
    return 1 if faults or lost else 2 * (done() < options.requests)


def fuzzing_of(server: LocalTrakt) -> Fuzzing:
    """Make up requests to a server; its first app's values are the true ones."""
    app = server.app
    return Fuzzing(server.url, (app.client_id, app.client_secret or "", app.redirect_uri))


if __name__ == "__main__":
    sys.exit(main())
