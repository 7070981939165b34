"""`traktauth keep --plan`: print what would be refreshed when, without sending or writing anything."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import NamedTuple

from traktauth.cli.keep.live_line import capitalize, describe_counts
from traktauth.cli.output import print_data, print_json
from traktauth.cli.times import format_duration, format_time
from traktauth.errors import StoreFailed
from traktauth.keeper import KeeperConfig, RateLimit
from traktauth.models import LoginKey, Record
from traktauth.stores.fleet import FleetStore

_ACTIONS = {
    "refresh": "refresh",
    "resend": "send again, if the service works",
    "report": "report that it needs a sign-in",
    "none": "nothing: its record cannot be read",
}


class Planned(NamedTuple):
    """What a keeper would do with one login.

    Attributes:
        login: the login.
        due_at: when it comes due, in Unix seconds.
        starts_at: the earliest time at which the rate limit allows it, in Unix seconds.
        expires_at: when its access token expires, in Unix seconds; None if that cannot be read.
        action: `refresh`, `resend`, `report` or `none`.
    """

    login: LoginKey
    due_at: float
    starts_at: float
    expires_at: float | None
    action: str


def show_plan(store: FleetStore, config: KeeperConfig, *, limit: int, as_json: bool) -> None:
    """Print what would be done with the next logins that come due.

    Raises:
        StoreFailed: the store cannot be read.
    """
    now, realm, client_id = config.clock(), config.service.realm, config.app.client_id
    counts = store.count_logins(realm, client_id, now=now)
    upcoming = store.upcoming(realm, client_id, limit=limit)
    found = [(login, due_at, _load(store, login)) for login, due_at in upcoming]
    planned = list(schedule(found, config.rate_limit, now=now))
    if as_json:
        for each in planned:
            print_json({"event": "planned", **each._asdict(), "login": asdict(each.login)})
        print_json({"event": "plan", "logins": counts.logins, "due": counts.due, "next_due_at": counts.next_due_at})
        return
    print_data(capitalize(describe_counts(counts, now)))
    width = max((len(each.login.account) for each in planned), default=0)
    times = [_describe_start(each.starts_at, now) for each in planned]
    times_width = max(map(len, times), default=0)
    for each, when in zip(planned, times, strict=True):
        print_data(f"{each.login.account:<{min(width, 32)}}  {when:<{times_width}}  {_ACTIONS[each.action]}", indent=2)
    rest = counts.logins - len(planned)
    if rest > 0 and len(planned) == limit:
        print_data(f"… and {rest} more; --limit shows them", indent=2)


def schedule(
    found: Iterable[tuple[LoginKey, float, Record | None]], rate_limit: RateLimit, *, now: float
) -> Iterator[Planned]:
    """Yield what is done with each login, and when the rate limit allows it, if no other program sends requests.

    Args:
        found: logins with their due times and records, the earliest first; None for a record that cannot be read.
        rate_limit: how many requests may be sent.
        now: Unix seconds.
    """
    sent, last = 0, float("-inf")
    for login, due_at, record in found:
        expires_at = record.token.expires_at if record is not None and record.token is not None else None
        starts_at = max(now, due_at)
        action = _action(record)
        if action in ("refresh", "resend"):
            starts_at = max(starts_at, last)
            if starts_at - last > rate_limit.period:
                sent = 0
            if sent == rate_limit.limit:
                sent, starts_at = 0, last + rate_limit.period
            sent, last = sent + 1, starts_at
        yield Planned(login, due_at, starts_at, expires_at, action)


def _action(record: Record | None) -> str:
    if record is None:
        return "none"
    if not record.refreshable:
        return "report"
    return "refresh" if record.pending_refresh is None else "resend"


def _load(store: FleetStore, login: LoginKey) -> Record | None:
    try:
        return store.load(login)
    except StoreFailed as error:
        if error.temporary:
            raise
        return None


def _describe_start(at: float, now: float) -> str:
    return "now" if at <= now else f"{_at(at)} (in {format_duration(at - now)})"


def _at(at: float) -> str:
    return format_time(at, exact=at - time.time() < 600)  # noqa: PLR2004 - ten minutes
