"""`traktauth keep`."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from traktauth.cli.place import Place, placed
from traktauth.cli.stream import emit_json, say
from traktauth.errors import TraktAuthError
from traktauth.models import find_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.client.settings import Settings
    from traktauth.keeper import Event, Keeper, Pace, Plan, Summary
    from traktauth.stores.fleet import FleetStore

_PACE = re.compile(r"(\d+)/(\d+(?:\.\d+)?)")


@click.command("keep")
@placed
@click.option("--once", is_flag=True, help="Renew what is due now, then end: a step for cron or a Kubernetes job.")
@click.option("--limit", default=500, show_default=True, help="With --once: logins at the most.")
@click.option("--in-flight", default=32, show_default=True, help="Requests on the wire at once, at the most.")
@click.option(
    "--pace", metavar="N/SECONDS", help="N requests, then a silence of SECONDS (default: 20/61, Trakt's own)."
)
@click.option("--metrics", type=int, metavar="PORT", help="Serve Prometheus metrics on this port of 127.0.0.1.")
def command(place: Place, *, once: bool, limit: int, in_flight: int, pace: str | None, metrics: int | None) -> int:
    """Keep a fleet's tokens fresh, in the foreground until stopped; many may share a store.

    The store must be one that a fleet can share: postgresql://…, redis://… or sqlite:/PATH.

    \b
    Example: traktauth keep --store postgresql://db/app --json
    """
    from traktauth.keeper import Plan  # noqa: PLC0415 - no other command needs it

    settings = place.settings()
    service = find_service(settings.service, insecure=settings.insecure)
    given: dict[str, Any] = {"in_flight": in_flight, "lost_reply": settings.lost_reply}
    if pace is not None:
        given["pace"] = read_pace(pace)
    if once and limit < 1:
        raise click.UsageError("--limit must be at least 1")
    plan = Plan(settings.app(), service, **given)
    summary = asyncio.run(_keep(settings, plan, limit if once else None, metrics, as_json=place.json))
    if place.json:
        emit_json({"event": "summary", **asdict(summary)})
    else:
        say(in_numbers(summary))
    return 0


def read_pace(text: str) -> Pace:
    """Read `N/SECONDS`.

    Raises:
        UsageError: it is no such thing.
    """
    from traktauth.keeper import Pace  # noqa: PLC0415 - see above

    found = _PACE.fullmatch(text)
    if found is None or found[1] == "0":
        raise click.UsageError("--pace is so many requests and a silence in seconds: 20/61")
    return Pace(int(found[1]), float(found[2]))


async def _keep(settings: Settings, plan: Plan, limit: int | None, port: int | None, *, as_json: bool) -> Summary:
    from traktauth.keeper import Keeper  # noqa: PLC0415 - see above
    from traktauth.keeper.step import sender  # noqa: PLC0415 - see above

    listeners: list[Callable[[Event], None]] = [tell_json if as_json else tell_person]

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    store = open_fleet(settings.store)
    try:
        async with sender() as send:
            keeper = Keeper(store, plan, send=send, tell=tell)
            for name in (signal.SIGINT, signal.SIGTERM):
                with suppress(NotImplementedError):  # Windows
                    asyncio.get_running_loop().add_signal_handler(name, keeper.stop)
            with ExitStack() as stack:
                if port is not None:
                    listeners.append(_metrics(keeper, port, stack))
                return await _run(keeper, limit, shown=not as_json and sys.stderr.isatty())
    finally:
        await store.close()


async def _run(keeper: Keeper, limit: int | None, *, shown: bool) -> Summary:
    if limit is not None:
        return await keeper.run_once(limit)
    progress = asyncio.create_task(_progress(keeper)) if shown else None
    try:
        return await keeper.run()
    finally:
        if progress is not None:
            progress.cancel()


def open_fleet(address: str) -> FleetStore:
    """Open a store that a fleet can share.

    Raises:
        TraktAuthError: it is none.
    """
    from traktauth.stores.addresses import open_async_store  # noqa: PLC0415 - it imports asyncio's stores
    from traktauth.stores.fleet import FleetStore  # noqa: PLC0415 - the same

    store = open_async_store(address)
    if not isinstance(store, FleetStore):
        raise TraktAuthError(
            "A keeper needs a store that a fleet can share",
            hint="Name one: traktauth keep --store postgresql://…, redis://… or sqlite:/PATH "
            "(bring logins over with: traktauth store move FROM TO)",
        )
    return store


def _metrics(keeper: Keeper, port: int, stack: ExitStack) -> Callable[[Event], None]:
    try:
        from traktauth.keeper.metrics import Metrics  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise TraktAuthError(
            "Metrics need a package that is not installed", hint="Install it: pip install 'traktauth[metrics]'"
        ) from None
    metrics = Metrics(keeper)
    try:
        stack.callback(metrics.serve(port))
    except OSError as error:
        raise TraktAuthError(
            f"Port {port} cannot be listened on: {error.strerror}", hint="Take another: --metrics PORT"
        ) from None
    return metrics.count


def tell_json(event: Event) -> None:
    """Write an event as one line of JSON."""
    emit_json({"event": type(event).__name__.lower(), **asdict(event)})


def tell_person(event: Event) -> None:
    """Write an event that a person should know of."""
    from traktauth.keeper import Renewed  # noqa: PLC0415 - see above

    if not isinstance(event, Renewed):
        details = ", ".join(f"{name} {value}" for name, value in asdict(event).items() if name != "login")
        account = getattr(event, "login", None)
        say(f"{type(event).__name__}: {f'{account.account}: ' if account else ''}{details}")


async def _progress(keeper: Keeper) -> None:
    """Rewrite one line a second, on a terminal: how many, how fast, how long for what is due."""
    last = keeper.tally.renewed
    while True:
        await asyncio.sleep(1)
        rate, last = keeper.tally.renewed - last, keeper.tally.renewed
        due = await keeper.count_due()
        left = f", {due / rate:.0f} s left" if rate else ""
        sys.stderr.write(f"\r\x1b[K{in_numbers(keeper.tally)}; {rate}/s, {due} due{left}")
        sys.stderr.flush()


def in_numbers(summary: Summary) -> str:
    """Return what a keeper has done, in one line."""
    counts = {name: count for name, count in asdict(summary).items() if count}
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing was due"
