"""`traktauth keep --plan`: print what would be refreshed when, without sending or writing anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import NamedTuple

from traktauth.cli.keep.live_line import capitalize, describe_counts
from traktauth.cli.output import print_data, print_json
from traktauth.cli.times import format_deadline
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


_WIDEST = 32  # columns of an account's name


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
    """Print what would be done with the next logins that come due."""
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
    rows = [(each.login.account, _describe_start(each.starts_at, now), _ACTIONS[each.action]) for each in planned]
    first, second = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    for account, when, action in rows:
        print_data(f"{account:<{min(first, _WIDEST)}}  {when:<{second}}  {action}", indent=2)
    rest = counts.logins - len(planned)
    if rest > 0 and len(planned) == limit:
        print_data(f"… and {rest} more; --limit shows them", indent=2)


def schedule(
    found: Iterable[tuple[LoginKey, float, Record | None]], rate_limit: RateLimit, *, now: float
) -> Iterator[Planned]:
    """Yield what is done with each login, and when the rate limit allows it, if no other program sends requests.

    The earliest due come first; None is a record that cannot be read.
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
    return "now" if at <= now else format_deadline(at, now).replace("(", "(in ")
