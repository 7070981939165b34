"""The live line of `traktauth keep` on a terminal, and the texts that its other outputs share with it."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from traktauth.cli.output import print_in_place
from traktauth.cli.times import format_deadline, format_duration
from traktauth.errors import StoreFailed
from traktauth.keeper import Keeper, RateLimit, Summary
from traktauth.stores.fleet import LoginCounts

_COUNT_INTERVAL = 5.0  # seconds
_COUNT_SHARE = 50.0  # a count that takes 1 s is repeated after 50 s at the earliest, so that it does not load the store
_RATE_WINDOW = 10  # seconds


class LiveLine:
    """One line that is rewritten: logins, those due, those refreshed, and whether the service works."""

    def __init__(self, keeper: Keeper, rate_limit: RateLimit) -> None:
        self._keeper = keeper
        self._rate_limit = rate_limit
        self._counts: LoginCounts | None = None
        self._tried_at_count = 0  # how many logins had been tried when `_counts` was read
        self._refreshed: deque[tuple[float, int]] = deque(maxlen=_RATE_WINDOW + 1)

    async def show(self) -> None:
        """Rewrite the line every second, until cancelled."""
        next_count = 0.0
        while True:
            began = time.monotonic()
            if began >= next_count:
                await self._count()
                now = time.monotonic()
                next_count = now + max(_COUNT_INTERVAL, _COUNT_SHARE * (now - began))
            self._refreshed.append((time.monotonic(), self._keeper.summary.refreshed))
            print_in_place(self.text(time.time()))
            await asyncio.sleep(1)

    async def _count(self) -> None:
        try:
            self._counts, self._tried_at_count = await self._keeper.count_logins(), self._keeper.summary.tried
        except StoreFailed:
            self._counts = None  # the keeper reports it

    def text(self, now: float) -> str:
        """Return the line at a time in Unix seconds."""
        summary, counts = self._keeper.summary, self._counts
        parts: list[str] = []
        if self._keeper.failing_for is not None:
            parts.append(f"service failing for {format_duration(self._keeper.failing_for)}")
        if counts is not None:
            due = max(0, counts.due - (summary.tried - self._tried_at_count))
            parts += [_count_logins(counts.logins), self._describe_due(due, counts.next_due_at, now)]
        parts.append(f"{summary.refreshed} refreshed")
        stored = None if counts is None else counts.unconfirmed
        unconfirmed = max(0, summary.unconfirmed if stored is None else stored - self._keeper.in_flight)
        stored = None if counts is None else counts.sign_in
        sign_in = summary.expiring + summary.expired if stored is None else stored
        parts += [f"{unconfirmed} unconfirmed"] if unconfirmed else []
        parts += [f"{sign_in} to sign in again"] if sign_in else []
        parts += [f"{summary.unsaved} unsaved"] if summary.unsaved else []
        return " | ".join(parts)

    def _describe_due(self, due: int, next_due_at: float | None, now: float) -> str:
        if not due:
            return "none due" if next_due_at is None else f"none due, next in {format_duration(next_due_at - now)}"
        if self._keeper.failing_for is not None:  # no rate applies, and the line needs the room
            return f"{due} due"
        rate = self._rate()
        if not rate or due > self._rate_limit.limit:  # a rate that the limit does not allow for long
            return f"{due} due (pace {describe_pace(self._rate_limit)})"
        return f"{due} due ({format_duration(due / rate)} at {rate:.1f}/s)"

    def _rate(self) -> float:
        """Return how many logins were refreshed per second, over the last seconds."""
        (began, before), (ended, after) = self._refreshed[0], self._refreshed[-1]
        return (after - before) / (ended - began) if ended > began else 0.0


def describe_pace(rate_limit: RateLimit) -> str:
    """Return a rate limit as `--pace` takes it."""
    return f"{rate_limit.limit}/{rate_limit.period:g}"


def describe_counts(counts: LoginCounts, now: float) -> str:
    """Return how many logins there are, how many are due, and when the next one is: `80 logins, 3 due now; …`."""
    if not counts.logins:
        return "the store has no login of this app"
    due = f"{counts.due} due now" if counts.due else "none due"
    if counts.next_due_at is None:
        return f"{_count_logins(counts.logins)}, {due}"
    return f"{_count_logins(counts.logins)}, {due}; the next is due {format_deadline(counts.next_due_at, now)}"


def capitalize(text: str) -> str:
    """Return a text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def describe_summary(summary: Summary) -> str:
    """Return what a keeper has done, in one line; empty if it has done nothing."""
    counts = {
        "refreshed": summary.refreshed,
        "delayed": summary.delayed,
        "unconfirmed": summary.unconfirmed,
        "to sign in again": summary.expiring,
        "signed out": summary.expired,
        "skipped": summary.skipped,
        "unsaved": summary.unsaved,
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _count_logins(count: int) -> str:
    return f"{count} login" if count == 1 else f"{count} logins"
