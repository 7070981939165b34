"""`traktauth keep`."""

from __future__ import annotations

import asyncio
import gc
import re
import signal
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from traktauth.cli.place import Place, placed
from traktauth.cli.stream import emit_json, say, say_in_place
from traktauth.errors import TraktAuthError
from traktauth.models import find_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.cli.keep.telling import Log
    from traktauth.keeper import Event, Keeper, Pace, Plan, Summary
    from traktauth.stores.fleet import FleetStore

_PACE = re.compile(r"(\d+)/(\d+(?:\.\d+)?)")
_LIMIT = 500


@click.command("keep")
@placed
@click.option("--once", is_flag=True, help="Renew what is due now, then end: a step for cron or a Kubernetes job.")
@click.option("--limit", type=click.IntRange(1), help=f"With --once: logins at the most (default: {_LIMIT}).")
@click.option(
    "--in-flight",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="Requests on the wire at once, at the most.",
)
@click.option(
    "--pace", metavar="N/SECONDS", help="N requests, then a silence of SECONDS (default: 20/61, Trakt's own)."
)
@click.option(
    "--metrics", type=click.IntRange(0, 65535), metavar="PORT", help="Serve Prometheus metrics on 127.0.0.1:PORT."
)
def command(
    place: Place, *, once: bool, limit: int | None, in_flight: int, pace: str | None, metrics: int | None
) -> int:
    """Keep a fleet's tokens fresh, in the foreground until stopped; many may share a store.

    The store must be one that a fleet can share: postgresql://…, redis://… or sqlite:/PATH. SIGTERM and Ctrl-C stop
    it when what is on the wire is saved, which takes up to a minute; a second one changes nothing.

    \b
    Example: traktauth keep --store postgresql://db/app --json
    """
    from traktauth.keeper import Plan  # noqa: PLC0415 - no other command needs it

    if limit is not None and not once:
        raise click.UsageError("--limit is for --once; without that a keeper goes on until it is stopped")
    settings = place.settings()
    service = find_service(settings.service, insecure=settings.insecure)
    given: dict[str, Any] = {"in_flight": in_flight, "lost_reply": settings.lost_reply}
    if pace is not None:
        given["pace"] = read_pace(pace)
    plan = Plan(settings.app(), service, **given)
    collect_seldom()
    with place.hints():
        summary = asyncio.run(_keep(settings.store, plan, (limit or _LIMIT) if once else None, metrics, place.json))
    _sum_up(summary, as_json=place.json)
    return 0


def read_pace(text: str) -> Pace:
    """Read `N/SECONDS`.

    Raises:
        UsageError: it is no such thing.
    """
    from traktauth.keeper import Pace  # noqa: PLC0415 - see above

    found = _PACE.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise click.UsageError("--pace is so many requests and a silence in seconds: 20/61")
    return Pace(int(found[1]), float(found[2]))


def collect_seldom() -> None:
    """Look for cycles of garbage seldom: a keeper leaves hardly any, and each look at what is in flight costs time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _keep(address: str, plan: Plan, limit: int | None, port: int | None, as_json: bool) -> Summary:  # noqa: FBT001 - called in one place
    from traktauth.cli.keep.telling import Log, warnings_in  # noqa: PLC0415 - see above
    from traktauth.keeper import Keeper  # noqa: PLC0415 - see above
    from traktauth.keeper.sending import sender  # noqa: PLC0415 - see above

    log = Log(as_json=as_json)
    listeners: list[Callable[[Event], None]] = [log.tell]

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    store = open_fleet(address)
    try:
        async with sender() as send:
            keeper = Keeper(store, plan, send=send, tell=tell)
            log.stop = keeper.stop
            for name in (signal.SIGINT, signal.SIGTERM):
                with suppress(NotImplementedError):  # Windows
                    asyncio.get_running_loop().add_signal_handler(name, keeper.stop)
            with ExitStack() as stack:
                if as_json:
                    stack.enter_context(warnings_in(log))
                where = None if port is None else _metrics(keeper, port, stack, listeners)
                await store.check()  # a wrong password is told now, and not every few seconds for ever
                _say_begun(store, plan, where, log if as_json else None)
                return await _run(keeper, limit, log, shown=not as_json)
    finally:
        await store.close()


async def _run(keeper: Keeper, limit: int | None, log: Log, *, shown: bool) -> Summary:
    from traktauth.cli.keep.telling import show_progress  # noqa: PLC0415 - see above

    progress = asyncio.create_task(show_progress(keeper)) if shown and limit is None else None
    try:
        summary = await (keeper.run() if limit is None else keeper.run_once(limit))
    finally:
        if progress is not None and not progress.done():
            progress.cancel()
            say_in_place("")
    if log.unwritten is not None:
        raise log.unwritten
    return summary


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
            f"A keeper needs a store that a fleet can share, and {store.address} is none",
            hint="Name one: traktauth keep --store postgresql://…, redis://… or sqlite:/PATH "
            "(bring logins over with: traktauth store move FROM TO)",
        )
    return store


def _metrics(keeper: Keeper, port: int, stack: ExitStack, listeners: list[Callable[[Event], None]]) -> str:
    """Serve a keeper's numbers and return where."""
    try:
        from traktauth.keeper.metrics import Metrics  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise TraktAuthError(
            "Metrics need a package that is not installed", hint="Install it: pip install 'traktauth[metrics]'"
        ) from None
    metrics = Metrics(keeper)
    try:
        bound, stop = metrics.serve(port)
    except OSError as error:
        raise TraktAuthError(
            f"Port {port} cannot be listened on: {error.strerror}", hint="Take another: --metrics PORT"
        ) from None
    stack.callback(stop)
    listeners.insert(0, metrics.count)
    return f"http://127.0.0.1:{bound}/metrics"


def _say_begun(store: FleetStore, plan: Plan, metrics: str | None, log: Log | None) -> None:
    pace = f"{plan.pace.limit}/{plan.pace.period:g}"
    realm = plan.service.realm
    if log is not None:
        log.write("started", {"store": store.address, "realm": realm, "pace": pace, "metrics": metrics})
        return
    seen = f"; numbers at {metrics}" if metrics else ""
    say(f"Keeping the logins of app {plan.app.client_id[:8]}… at {realm} in {store.address}, pace {pace}{seen}")


def _sum_up(summary: Summary, *, as_json: bool) -> None:
    from traktauth.cli.keep.telling import in_numbers  # noqa: PLC0415 - see above

    if as_json:
        emit_json({"event": "summary", **asdict(summary)})
    else:
        say(in_numbers(summary))
