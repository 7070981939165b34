"""`traktauth keep`."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.command_hints import describe_missing_login
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.exit_codes import ending_signals
from traktauth.cli.keep.event_log import EventLog
from traktauth.cli.keep.live_line import LiveLine, capitalize, describe_counts, describe_pace, describe_summary
from traktauth.cli.keep.plan import show_plan
from traktauth.cli.log_output import Handler, handling
from traktauth.cli.options import common_options
from traktauth.cli.output import WARNING, is_on_terminal, print_in_place, print_json, print_message
from traktauth.client.settings import Settings
from traktauth.client.sync_client import Trakt
from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError
from traktauth.hints import MOVE_COMMAND, Hint
from traktauth.keeper import Event, Keeper, KeeperConfig, RateLimit, Refreshed, Summary
from traktauth.keeper.config import IN_FLIGHT
from traktauth.keeper.driver import open_sender
from traktauth.migrate.formats import find_format
from traktauth.migrate.transfer import export_access_token
from traktauth.models import find_service
from traktauth.stores.fleet import FleetStore
from traktauth.stores.open import open_store

_PACE = re.compile(r"(\d+)/(\d+(?:\.\d+)?)")
_DEFAULT_LIMIT = 500  # logins
_LOOK_AT_FILES = 15.0  # seconds between two looks at whether files of other programs hold the current token


def _read_pace(_context: click.Context, _parameter: click.Parameter, text: str | None) -> RateLimit:
    if text is None:
        return RateLimit()
    found = _PACE.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise click.UsageError(
            f"--pace must be N/SECONDS (N requests, then none for SECONDS), such as 20/61, not {text!r}"
        )
    return RateLimit(int(found[1]), float(found[2]))


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
    "--pace",
    metavar="N/SECONDS",
    callback=_read_pace,
    help="N requests, then a pause of SECONDS (default: 20/61, which is Trakt's limit).",
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
    pace: RateLimit,
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
        rate_limit=pace,
        in_flight=in_flight,
        lost_reply=settings.lost_reply,
    )
    tune_gc()
    limit = limit or _DEFAULT_LIMIT
    with options.adding_flags():
        if shows_plan:
            with closing(open_fleet(settings.store)) as store:
                show_plan(store, config, limit=limit, as_json=options.json)
        else:
            login_files = LoginFiles(settings, files)
            login_files.write()
            keeping = _Keeping(config, limit if once else None, metrics, login_files, as_json=options.json)
            asyncio.run(keeping.keep(settings.store))
    return 0


def tune_gc() -> None:
    """Make garbage collection rare: a keeper creates hardly any cycles, and each collection costs time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def open_fleet(address: str) -> FleetStore:
    """Open a store that several keepers can share."""
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


@dataclass(frozen=True, slots=True)
class _Keeping:
    """What the command does until it is stopped; *limit* is None without `--once`, *port* without `--metrics`."""

    config: KeeperConfig
    limit: int | None
    port: int | None
    login_files: LoginFiles
    as_json: bool

    async def keep(self, address: str) -> None:
        """Keep the logins of a store, and of the one that they are moved to meanwhile."""
        store: FleetStore | None = open_fleet(address)
        while store is not None:
            with closing(store):
                store = await self._keep_store(store)

    async def _keep_store(self, store: FleetStore) -> FleetStore | None:
        """Keep the logins of a store, and return the one that all of them were moved to."""
        log = EventLog(as_json=self.as_json)
        listeners: list[Callable[[Event], None]] = [log.write_event, self.login_files.on_event]

        def on_event(event: Event) -> None:
            for listener in listeners:
                listener(event)

        async with open_sender(self.config.service.token) as send:
            keeper = Keeper(store, self.config, send=send, on_event=on_event)
            log.stop = keeper.stop
            for name in (signal.SIGINT, *ending_signals()):
                with suppress(NotImplementedError):  # Windows
                    asyncio.get_running_loop().add_signal_handler(name, keeper.stop)
            with ExitStack() as stack:
                stack.enter_context(handling(Handler(logging.WARNING, log.write_warning)))
                metrics = None if self.port is None else _serve_metrics(keeper, self.port, stack, listeners)
                store.check_writable()  # report a wrong password once, at the start
                await self._report_start(keeper, store, metrics, log)
                writing = asyncio.create_task(self.login_files.keep_written())
                summary = await self._run(keeper, log)
                writing.cancel()
                await self.login_files.write_in_thread()
                await self._report_summary(keeper, summary)
        return keeper.moved_to

    async def _run(self, keeper: Keeper, log: EventLog) -> Summary:
        is_live = self.limit is None and not self.as_json and is_on_terminal(sys.stderr)
        line = asyncio.create_task(LiveLine(keeper, self.config.rate_limit).show()) if is_live else None
        try:
            summary = await (keeper.run() if self.limit is None else keeper.run_once(self.limit))
        finally:
            if line is not None:
                line.cancel()
                print_in_place("")
            log.end()
        if log.write_error is not None:
            raise log.write_error
        return summary

    async def _report_start(self, keeper: Keeper, store: FleetStore, metrics: str | None, log: EventLog) -> None:
        pace, realm = describe_pace(self.config.rate_limit), self.config.service.realm
        if self.as_json:
            log.write_json("started", {"store": store.address, "realm": realm, "pace": pace, "metrics": metrics})
            return
        address = f"; metrics at {metrics}" if metrics else ""
        app = self.config.app.client_id[:8]
        print_message(f"Keeping the logins of app {app}… at {realm} in {store.address}, pace {pace}{address}")
        print_message(capitalize(describe_counts(await keeper.count_logins(), self.config.clock())))

    async def _report_summary(self, keeper: Keeper, summary: Summary) -> None:
        if self.as_json:
            print_json({"event": "summary", **summary.to_json()})
            return
        done = describe_summary(summary) or "Nothing refreshed"
        with suppress(StoreFailed):  # the summary is still worth printing
            done += f"; {describe_counts(await keeper.count_logins(), time.time())}"
        print_message(done)


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


class LoginFiles:
    """Writes an account's access token, and no refresh token, into files of other programs, each `FORMAT:PATH`."""

    def __init__(self, settings: Settings, files: Sequence[str]) -> None:
        self._settings = settings
        self._files = [_parse(each) for each in files]
        self._written: str | None = None  # the fingerprint of the token that every file holds
        self._problem = ""  # the last one that was told
        self._refreshed = asyncio.Event()
        self._writing = threading.Lock()  # a write goes on in its thread when its task is cancelled

    def write(self) -> None:
        """Write every file, unless they hold the account's token already."""
        if not self._files:
            return
        with self._writing, Trakt(self._settings.app(), **self._settings.trakt_arguments()) as trakt:
            try:
                token = trakt.store.load(trakt.config.key).token
                if token is not None and token.fingerprint == self._written:
                    return
                for name, path in self._files:
                    export_access_token(trakt, name, path)
                self._written = None if token is None else token.fingerprint
            except LoginRequired as error:
                if error.reason == "never":
                    describe_missing_login(error, trakt)
                raise

    def on_event(self, event: Event) -> None:
        """Write the files soon if the account has a new token."""
        if isinstance(event, Refreshed) and event.login.account == self._settings.account:
            self._refreshed.set()

    async def keep_written(self) -> None:
        """Write the files in a thread after each refresh, here or by another program, and again if that failed."""
        while self._files:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._refreshed.wait(), _LOOK_AT_FILES)
            self._refreshed.clear()
            await self.write_in_thread()

    async def write_in_thread(self) -> None:
        """Write the files; say what is wrong if that fails."""
        try:
            await asyncio.to_thread(self.write)
            self._problem = ""
        except TraktAuthError as error:
            if error.message != self._problem:
                self._problem = error.message
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
