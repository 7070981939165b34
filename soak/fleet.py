#!/usr/bin/env python3
"""Keep a large fleet for months of virtual time, on the real keeper, with outages; say in one line what came of it.

Usage: .venv/bin/python soak/fleet.py ACCOUNTS DAYS [--pace 20/61] [--state FILE] [--seconds N]

A model of Trakt's present rule stands in for Trakt: a used refresh token that comes again ends its login. Two outages,
an hour and a day, fall into each thirty days. With --state the run can be stopped (also by --seconds) and goes on where
it was; it ends by itself when the days are over. Exit status 1 if a login was lost, the pace was exceeded, a token was
sent again while its access token lived, or more or less was refreshed than must be: a million accounts are more than
Trakt's own pace can keep, and want --pace 300/61.
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from keeper.fleet_setup import DAY, EPOCH, Fleet, clock
from support.virtual import run
from traktauth.flow.effects import NoResponse
from traktauth.keeper import RateLimit
from traktauth.models.refresh_window import ADVISORY_SHARE

HOUR = 3600.0


class Watch:
    """What must hold, counted as requests come, in little memory."""

    def __init__(self, fleet: Fleet, pace: RateLimit) -> None:
        self.fleet, self.pace = fleet, pace
        self.sent: dict[int, int] = {}
        self.resent = self.too_fast = self.refreshes = self.questions = 0
        self.count, self.last = 0, float("-inf")

    def saw(self, account: int, serial: int) -> None:
        """Count one refresh that arrived."""
        now = clock()
        self.count = 1 if now - self.last > self.pace.period - 1 else self.count + 1
        self.last = now
        self.too_fast += self.count > self.pace.limit
        if self.sent.get(account) == serial and now < self.fleet.trakt.ends[account, serial] - 1:
            self.resent += 1
        self.sent[account] = serial
        self.refreshes += 1


def is_down(at: float) -> bool:
    """Tell whether Trakt is down: for an hour on the tenth day of thirty, for a day on the twentieth."""
    day = (at - EPOCH) / DAY % 30
    return 10 <= day < 10 + 1 / 24 or 20 <= day < 21


async def keep(fleet: Fleet, watch: Watch, options: argparse.Namespace, done: float) -> float:
    """Keep the fleet from `done` days on; return how many days are over."""
    await asyncio.sleep(done * DAY)  # virtual time goes on where it was

    async def network(_request: object) -> NoResponse | None:
        return NoResponse(sent=True, reason="no answer") if is_down(clock()) else None

    fleet.fault = network
    if not done:
        await fleet.sign_everybody_in()
    receive = fleet.trakt.receive

    def watched(request: object) -> object:
        before = len(fleet.trakt.sent)
        reply = receive(request)
        for _, account, serial in fleet.trakt.sent[before:]:
            watch.saw(account, serial)
        fleet.trakt.sent.clear()
        return reply

    fleet.trakt.receive = watched
    keeper = fleet.keeper(rate_limit=watch.pace, idle=600.0)
    task = asyncio.create_task(keeper.run())
    until = time.monotonic() + options.seconds
    while done < options.days and time.monotonic() < until:
        await asyncio.sleep(DAY)
        done += 1
        for key in [key for key in fleet.trakt.ends if key[1] < fleet.trakt.newest[key[0]] - 1]:
            del fleet.trakt.ends[key]
        print(f"day {done:.0f}: {watch.refreshes} refreshes, {len(fleet.trakt.dead)} dead", file=sys.stderr, flush=True)
    keeper.stop()
    await task
    return done


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("accounts", type=int)
    parser.add_argument("days", type=int)
    parser.add_argument("--pace", default="20/61")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--seconds", type=float, default=3 * HOUR)
    options = parser.parse_args()
    limit, _, period = options.pace.partition("/")
    fleet = Fleet(options.accounts, spread=6 * DAY)
    watch = Watch(fleet, RateLimit(int(limit), float(period)))
    done = load(options.state, fleet, watch) if options.state and options.state.exists() else 0.0
    began = time.monotonic()
    done = run(keep(fleet, watch, options, done))
    if options.state:
        save(options.state, fleet, watch, done)
    least = options.accounts * done * DAY / (fleet.life * (1 - ADVISORY_SHARE))
    lost = len(fleet.trakt.dead)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.accounts} accounts x {done:.0f} of {options.days} days: {watch.refreshes} refreshes "
        f"({watch.refreshes / least:.3f} of the least), {lost} logins lost, {watch.resent} sent again, "
        f"{watch.too_fast} over the pace {options.pace}, {time.monotonic() - began:.0f} s, {memory:.0f} MB"
    )
    right = 0.95 * least <= watch.refreshes <= 1.05 * least
    return int(bool(lost or watch.resent or watch.too_fast or not right))


def save(path: Path, fleet: Fleet, watch: Watch, done: float) -> None:
    """Keep what a later run goes on with."""
    trakt, store = fleet.trakt, fleet.store
    state = {
        "done": done,
        "trakt": (trakt.newest, trakt.dead, trakt.ends),
        "store": (store.plain._records, store._heap, store._budget, store.reported),
        "watch": (watch.sent, watch.resent, watch.too_fast, watch.refreshes, watch.count, watch.last),
    }
    path.write_bytes(pickle.dumps(state))


def load(path: Path, fleet: Fleet, watch: Watch) -> float:
    """Go on with what an earlier run kept; return how many days were over."""
    state = pickle.loads(path.read_bytes())
    fleet.trakt.newest, fleet.trakt.dead, fleet.trakt.ends = state["trakt"]
    store = fleet.store
    store.plain._records, store._heap, store._budget, store.reported = state["store"]
    watch.sent, watch.resent, watch.too_fast, watch.refreshes, watch.count, watch.last = state["watch"]
    return state["done"]


if __name__ == "__main__":
    sys.exit(main())
