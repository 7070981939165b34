"""`traktauth serve`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from traktauth.cli.stream import emit, emit_json
from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.settings import Settings

MISSING = "The local Trakt's own packages are not installed"
INSTALL = "Install them: pip install 'traktauth[server]'"


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8712, show_default=True, help="0 picks a free one.")
@click.option("--profile", default="current", show_default=True, help="current, or classic (Trakt until July 2026).")
@click.option("--database", metavar="URL", help="sqlite:/PATH, memory: or postgresql://… (default: a SQLite file).")
@click.option("--seed", metavar="FILE", help="Apps and users, in JSON.")
@click.option("--control", is_flag=True, help="Serve the control API too: clock, faults, ledger, …")
@click.option("--access-life", type=int, metavar="SECONDS", help="How long access tokens live.")
@click.option("--refresh-life", type=int, metavar="SECONDS", help="How long refresh tokens live.")
@click.option("--code-life", type=int, metavar="SECONDS", help="How long codes live.")
@click.option("--rotation", metavar="RULE", help="What becomes of a used refresh token: family, once, until-used, …")
@click.option("--rate-limits", default="off", show_default=True, help="off, or trakt for its own limits.")
@click.option("--strict", is_flag=True, help="Demand what the RFCs demand beyond Trakt.")
@click.option("--faults", metavar="FILE", help="Faults to begin with, in JSON.")
@click.option("--workers", default=1, show_default=True, help="Processes; more than one needs PostgreSQL.")
@click.option("--insecure", is_flag=True, help="Listen on a host that is not loopback; TLS ends in a proxy in front.")
@click.option("--public-url", metavar="URL", help="The origin that browsers see, where a proxy stands in front.")
@click.option("--access-log", metavar="FILE", help="A line of JSON for each request, without secrets; - for stdout.")
@click.option("--check", is_flag=True, help="Judge settings, files and database, and serve nothing.")
@click.option("--json", "as_json", is_flag=True, help="Announce, and fail, in JSON.")
def command(*, as_json: bool, check: bool, **options: Any) -> int:  # noqa: ANN401 - as `Settings` takes them
    """Run a local Trakt: its sign-in pages, tokens and API, until stopped.

    It prints an app and a user to sign in with; point anything at it with TRAKTAUTH_SERVICE.

    \b
    Example: traktauth serve --port 0 --database memory: --control
    """
    if check:
        told = judged(options)
        emit_json(told) if as_json else tell(told)
        return 0
    run = prepared(options)
    return run(emit_json if as_json else announce)


def judged(options: dict[str, Any]) -> dict[str, Any]:
    """Say what would be served.

    Raises:
        TraktAuthError: the local Trakt is not installed, or its database cannot be used.
        ValueError: a setting or a file makes no sense.
    """
    try:
        from traktauth.server.checking import checked  # noqa: PLC0415 - an extra, and costly
        from traktauth.server.storage.base import StorageDown  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        raise _absent(error) from None
    try:
        return checked(_settings(options))
    except StorageDown as error:
        raise _unusable(error) from None


def prepared(options: dict[str, Any]) -> Callable[[Callable[[dict[str, Any]], None]], int]:
    """Return what serves until it is stopped, and announces when it accepts connections.

    Raises:
        TraktAuthError: the local Trakt is not installed.
        UsageError: a setting makes no sense.
    """
    try:
        from traktauth.server.run import serve  # noqa: PLC0415 - an extra, and costly
        from traktauth.server.storage.base import StorageDown  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        raise _absent(error) from None
    settings = _settings(options)

    def run(ready: Callable[[dict[str, Any]], None]) -> int:
        try:
            return serve(settings, ready=ready)
        except StorageDown as error:
            raise _unusable(error) from None
        except OSError as error:
            raise TraktAuthError(
                f"{settings.host} port {settings.port} cannot be listened on: {error.strerror}",
                hint="Take another port: traktauth serve --port 0",
            ) from None

    return run


def _settings(options: dict[str, Any]) -> Settings:
    from traktauth.server.settings import Settings  # noqa: PLC0415 - an extra, and costly

    try:
        return Settings(**options, control_key=os.environ.get("TRAKTAUTH_CONTROL_KEY"))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _absent(error: ModuleNotFoundError) -> Exception:
    """Give what to raise where a module is missing: one of ours is a fault, not an extra."""
    if (error.name or "").startswith("traktauth"):
        return error
    return TraktAuthError(MISSING, hint=INSTALL)


def _unusable(error: Exception) -> TraktAuthError:
    return TraktAuthError(
        f"The local Trakt's database cannot be used: {error}",
        hint="Name another: traktauth serve --database sqlite:/PATH, or memory:",
    )


def tell(told: dict[str, Any]) -> None:
    """Say what would be served."""
    emit(f"A local Trakt ({told['profile']}, as {told['measured_on']}) could be served")
    emit(f"  rotation  {told['rotation']}{', strict' if told['strict'] else ''}")
    emit(f"  database  {told['database']['address']} ({told['database']['state']})")
    seeded = "the demo's own" if told["apps"] is None else f"{told['apps']} apps and {told['users']} users"
    emit(f"  seed      {seeded}")
    emit(f"  faults    {told['faults']}")


def announce(announcement: dict[str, Any]) -> None:
    """Say where the local Trakt is and what to sign in with; the secrets of a test server are meant to be read."""
    emit(f"A local Trakt ({announcement['profile']}) is at {announcement['url']}")
    emit(f"  app     client id      {announcement['client_id']}")
    emit(f"          client secret  {announcement['client_secret']}")
    for address in announcement["redirect_uris"]:
        emit(f"          redirect       {address}")
    for user in announcement["users"]:
        emit(f"  user    {user['username']}  password  {user['password'] or '(as it was set)'}")
    if announcement["control"]:
        emit(f"  control {announcement['url']}/_control/…")
    emit("Stop it with Ctrl-C.")
