"""`traktauth keep`."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.exit_codes import ending_signals
from traktauth.cli.keep.event_log import EventLog
from traktauth.cli.keep.live_line import LiveLine, capitalize, describe_counts, describe_pace, describe_summary
from traktauth.cli.keep.plan import show_plan
from traktauth.cli.log_output import Handler, replace_warning_handler
from traktauth.cli.options import common_options
from traktauth.cli.output import WARNING, print_in_place, print_json, print_message
from traktauth.client.settings import Settings
from traktauth.client.sync_client import Trakt
from traktauth.errors import StoreFailed, TraktAuthError
from traktauth.hints import MOVE_COMMAND, Hint
from traktauth.keeper import Event, Keeper, KeeperConfig, RateLimit, Refreshed, Summary
from traktauth.keeper.config import IN_FLIGHT
from traktauth.keeper.http_sender import open_sender
from traktauth.migrate.formats import find_format
from traktauth.migrate.transfer import export_access_token
from traktauth.models import find_service
from traktauth.stores.fleet import FleetStore
from traktauth.stores.open import open_store

_PACE = re.compile(r"(\d+)/(\d+(?:\.\d+)?)")
_DEFAULT_LIMIT = 500  # logins


@click.command("keep", cls=Command, exclusive=[("--plan", "--once"), ("--plan", "--metrics"), ("--plan", "--write")])
@common_options("service", "store", "json")
@click.option("--once", is_flag=True, help="Refresh what is due now, then exit: for cron or a Kubernetes job.")
@click.option("--plan", "shows_plan", is_flag=True, help="Show what would be refreshed when, and exit; send nothing.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    help=f"With --once or --plan: at most N logins (default: {_DEFAULT_LIMIT}).",
    metavar="N",
)
@click.option(
    "--in-flight",
    metavar="N",
    type=click.IntRange(1),
    default=IN_FLIGHT,
    show_default=True,
    help="Maximum number of concurrent requests.",
)
@click.option(
    "--pace", metavar="N/SECONDS", help="N requests, then a pause of SECONDS (default: 20/61, which is Trakt's limit)."
)
@click.option(
    "--metrics", type=click.IntRange(0, 65535), metavar="PORT", help="Serve Prometheus metrics on 127.0.0.1:PORT."
)
@click.option(
    "--write",
    "files",
    multiple=True,
    metavar="FORMAT:PATH",
    help="Write the account's access token into another program's file after each refresh.",
)
def command(
    options: CommonOptions,
    *,
    once: bool,
    shows_plan: bool,
    limit: int | None,
    in_flight: int,
    pace: str | None,
    metrics: int | None,
    files: tuple[str, ...],
) -> int:
    """Refresh the tokens of many accounts, in the foreground until stopped; several keepers may share a store.

    The store must be one that several processes can share: postgresql://…, redis://… or sqlite:/PATH. SIGTERM,
    SIGHUP and Ctrl-C stop it once the running refreshes are saved, which takes up to a minute; a second signal changes
    nothing.

    Examples:
        # a daemon
        traktauth keep --store postgresql://db/app --json
        # for cron
        traktauth keep --once --store sqlite:/var/lib/app/db
        # what it would do
        traktauth keep --plan --store sqlite:/var/lib/app/db
    """
    if limit is not None and not (once or shows_plan):
        raise click.UsageError("--limit needs --once or --plan; without them a keeper runs until it is stopped")
    settings = options.settings()
    config = KeeperConfig(
        settings.app(),
        find_service(settings.service, insecure=settings.insecure),
        rate_limit=RateLimit() if pace is None else read_pace(pace),
        in_flight=in_flight,
        lost_reply=settings.lost_reply,
    )
    tune_gc()
    limit = limit or _DEFAULT_LIMIT
    with options.adding_flags():
        if shows_plan:
            _show_plan(settings.store, config, limit, as_json=options.json)
        else:
            login_files = _open_login_files(settings, files)
            asyncio.run(
                _keep(settings.store, config, limit if once else None, metrics, login_files, as_json=options.json)
            )
    return 0


def _show_plan(address: str, config: KeeperConfig, limit: int, *, as_json: bool) -> None:
    with closing(open_fleet(address)) as store:
        show_plan(store, config, limit=limit, as_json=as_json)


def read_pace(text: str) -> RateLimit:
    """Parse `N/SECONDS`.

    Raises:
        UsageError: it is something else.
    """
    found = _PACE.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise click.UsageError(
            f"--pace must be N/SECONDS (N requests, then none for SECONDS), such as 20/61, not {text!r}"
        )
    return RateLimit(int(found[1]), float(found[2]))


def tune_gc() -> None:
    """Make garbage collection rare: a keeper creates hardly any cycles, and each collection costs time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _open_login_files(settings: Settings, files: tuple[str, ...]) -> LoginFiles | None:
    """Write the files of other programs once, and return what writes them again; None if no file was named."""
    if not files:
        return None

    login_files = LoginFiles(settings, files)
    login_files.write()
    return login_files


async def _keep(
    address: str,
    config: KeeperConfig,
    limit: int | None,
    port: int | None,
    login_files: LoginFiles | None,
    *,
    as_json: bool,
) -> None:
    """Keep the logins of a store, and of the one that they are moved to meanwhile."""
    store: FleetStore | None = open_fleet(address)
    while store is not None:
        store = await _keep_store(store, config, limit, port, login_files, as_json=as_json)


async def _keep_store(
    store: FleetStore,
    config: KeeperConfig,
    limit: int | None,
    port: int | None,
    login_files: LoginFiles | None,
    *,
    as_json: bool,
) -> FleetStore | None:
    """Keep the logins of a store, close it, and return the one that all of them were moved to."""
    log = EventLog(as_json=as_json)
    listeners: list[Callable[[Event], None]] = [log.write_event]
    if login_files is not None:
        listeners.append(login_files.on_event)

    def on_event(event: Event) -> None:
        for listener in listeners:
            listener(event)

    try:
        async with open_sender(config.service.token) as send:
            keeper = Keeper(store, config, send=send, on_event=on_event)
            log.stop = keeper.stop
            for name in (signal.SIGINT, *ending_signals()):
                with suppress(NotImplementedError):  # Windows
                    asyncio.get_running_loop().add_signal_handler(name, keeper.stop)
            with ExitStack() as stack:
                stack.enter_context(replace_warning_handler(Handler(logging.WARNING, log.write_warning)))
                metrics = None if port is None else _serve_metrics(keeper, port, stack, listeners)
                store.check_writable()  # report a wrong password once, at the start
                await _report_start(keeper, store, config, metrics, log if as_json else None)
                summary = await _run(keeper, limit, log, None if as_json else LiveLine(keeper, config.rate_limit))
                if login_files is not None:
                    await login_files.finish()
                await _report_summary(keeper, summary, as_json=as_json)
    finally:
        store.close()
    return keeper.moved_to


async def _run(keeper: Keeper, limit: int | None, log: EventLog, line: LiveLine | None) -> Summary:
    live = None if line is None or limit is not None else asyncio.create_task(line.show())
    try:
        summary = await (keeper.run() if limit is None else keeper.run_once(limit))
    finally:
        if live is not None and not live.done():
            live.cancel()
            print_in_place("")
        log.end()
    if log.write_error is not None:
        raise log.write_error
    return summary


def open_fleet(address: str) -> FleetStore:
    """Open a store that several keepers can share.

    Raises:
        TraktAuthError: several processes cannot share it.
    """
    store = open_store(address)
    if not isinstance(store, FleetStore):
        raise TraktAuthError(
            f"traktauth keep needs sqlite:, redis: or postgresql:, not the store {store.address}",
            hint=Hint(
                "Name one: traktauth keep --store postgresql://…, redis://… or sqlite:/PATH (to move logins: ",
                MOVE_COMMAND,
                ")",
            ),
        )
    return store


def _serve_metrics(keeper: Keeper, port: int, stack: ExitStack, listeners: list[Callable[[Event], None]]) -> str:
    """Serve a keeper's metrics, and return their address."""
    try:
        from traktauth.keeper.metrics import Metrics  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise TraktAuthError(
            "--metrics needs a package that is not installed", hint="Install it: pip install 'traktauth[metrics]'"
        ) from None
    metrics = Metrics(keeper)
    try:
        bound, stop = metrics.serve(port)
    except OSError as error:
        raise TraktAuthError(
            f"Cannot listen on port {port}: {error.strerror}", hint="Use another: --metrics PORT (0 picks a free one)"
        ) from None
    stack.callback(stop)
    listeners.insert(0, metrics.count)
    return f"http://127.0.0.1:{bound}/metrics"


async def _report_start(
    keeper: Keeper, store: FleetStore, config: KeeperConfig, metrics: str | None, log: EventLog | None
) -> None:
    pace, realm = describe_pace(config.rate_limit), config.service.realm
    if log is not None:
        log.write_json("started", {"store": store.address, "realm": realm, "pace": pace, "metrics": metrics})
        return
    address = f"; metrics at {metrics}" if metrics else ""
    app = config.app.client_id[:8]
    print_message(f"Keeping the logins of app {app}… at {realm} in {store.address}, pace {pace}{address}")
    print_message(capitalize(describe_counts(await keeper.count_logins(), config.clock())))


async def _report_summary(keeper: Keeper, summary: Summary, *, as_json: bool) -> None:
    if as_json:
        print_json({"event": "summary", **summary.to_json()})
        return
    done = describe_summary(summary) or "Nothing refreshed"
    try:
        print_message(f"{done}; {describe_counts(await keeper.count_logins(), time.time())}")
    except StoreFailed:  # the summary is still worth printing
        print_message(done)


class LoginFiles:
    """Writes the access token of one account, and no refresh token, into files of other programs.

    Args:
        settings: whose account it is.
        files: each as `FORMAT:PATH`.

    Raises:
        UsageError: one of them is not a format and a path.
    """

    def __init__(self, settings: Settings, files: Sequence[str]) -> None:
        self._settings = settings
        self._files = [_parse(each) for each in files]
        self._writing: set[asyncio.Task[None]] = set()

    def write(self) -> None:
        """Write every file.

        Raises:
            TraktAuthError: the account has no valid token, or a file cannot be written.
        """
        with Trakt(self._settings.app(), **self._settings.place()) as trakt:
            for name, path in self._files:
                export_access_token(trakt, name, path)

    def on_event(self, event: Event) -> None:
        """Write the files in a thread if the account has a new token."""
        if isinstance(event, Refreshed) and event.login.account == self._settings.account:
            task = asyncio.get_running_loop().create_task(self._write_in_thread())
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def finish(self) -> None:
        """Wait for files that are being written."""
        await asyncio.gather(*self._writing)

    async def _write_in_thread(self) -> None:
        try:
            await asyncio.to_thread(self.write)
        except TraktAuthError as error:
            print_message(WARNING, f"The login file could not be written: {error.message}")


def _parse(text: str) -> tuple[str, Path]:
    name, colon, path = text.partition(":")
    if not colon or not path:
        raise click.UsageError(f"--write must be FORMAT:PATH, such as pytrakt:/srv/app/.pytrakt.json, not {text!r}")
    try:
        find_format(name)
    except ValueError as error:
        raise click.UsageError(f"--write: {error}") from None
    return name, Path(path)
