"""`traktauth serve`."""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial
from typing import Any

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.options import needing_extra, profile_option
from traktauth.cli.output import is_on_terminal, print_data, print_in_place, print_json, print_message
from traktauth.cli.serve_log import RequestLog
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand
from traktauth.server.errors import StorageUnavailable
from traktauth.server.settings import GRACE, RATE_LIMITS, ROTATIONS, SettingError, Settings

REMOVED = {
    "strict": "the local Trakt answers as Trakt does",
    "workers": "the local Trakt serves in one process",
}


def _complete_rotation(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [each for each in (*ROTATIONS, GRACE) if each.startswith(incomplete)]


def _removed(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Refuse an option of an earlier version."""
    if value:
        raise click.UsageError(f"{param.opts[0]} was removed: {REMOVED[param.name or '']}", ctx)


@click.command("serve", cls=Command)
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", metavar="PORT", type=int, default=8712, show_default=True, help="The port; 0 picks a free one.")
@profile_option
@click.option(
    "--database",
    metavar="URL",
    envvar="TRAKTAUTH_DATABASE",
    help="sqlite:/PATH or memory: (default: a SQLite file).",
)
@click.option("--seed", type=click.Path(), metavar="FILE", help="Apps and users, in JSON.")
@click.option("--control", is_flag=True, help="Serve the control API too: clock, faults, ledger, …")
@click.option("--access-life", type=int, metavar="SECONDS", help="Lifetime of access tokens.")
@click.option("--refresh-life", type=int, metavar="SECONDS", help="Lifetime of refresh tokens.")
@click.option("--code-life", type=int, metavar="SECONDS", help="Lifetime of codes.")
@click.option(
    "--rotation",
    metavar=f"[{'|'.join(ROTATIONS)}|{GRACE}SECONDS]",
    shell_complete=_complete_rotation,
    help="What a used refresh token does when it is sent again: revokes every token of its user and app; is refused; "
    "works until the new access token is used; or works for some seconds.",
)
@click.option(
    "--rate-limits", type=click.Choice(RATE_LIMITS), default="off", show_default=True, help="Enforce Trakt's limits."
)
@click.option("--strict", is_flag=True, hidden=True, expose_value=False, callback=_removed)
@click.option("--faults", type=click.Path(), metavar="FILE", help="Initial faults, in JSON.")
@click.option(
    "--responses", type=click.Path(), metavar="FILE", help="API responses of your own by method and path, in JSON."
)
@click.option("--workers", hidden=True, expose_value=False, callback=_removed)
@click.option("--insecure", is_flag=True, help="Listen on a host that is not loopback, behind a proxy with TLS.")
@click.option(
    "--plain-http", is_flag=True, help="Allow other machines without TLS; passwords and tokens are not encrypted."
)
@click.option("--trust-proxy", is_flag=True, help="Take clients' addresses from the proxy's X-Forwarded-For.")
@click.option("--public-url", metavar="URL", help="The origin that browsers use, if there is a proxy.")
@click.option(
    "--access-log",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="A line of JSON for each request, without secrets; - for stdout.",
)
@click.option(
    "--request-log/--quiet",
    " /-q",
    "request_log",
    default=None,
    help="A line per request on standard error, or none (default: a line if that is a terminal).",
)
@click.option("--check", is_flag=True, help="Check settings, files and database, and exit.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the start message as one line of JSON; JSON for errors too."
)
def command(*, as_json: bool, check: bool, request_log: bool | None, **options: Any) -> int:
    """Run a local Trakt: its sign-in pages, tokens and API, until stopped.

    It prints an app and a user to sign in with. Programs with traktauth use it with TRAKTAUTH_SERVICE.

    Examples:
        traktauth serve
        # for a test
        traktauth serve --port 0 --database memory: --control
        traktauth serve --profile classic --seed apps.json
        # in another terminal
        TRAKTAUTH_SERVICE=http://127.0.0.1:8712 traktauth login
    """
    with needing_extra("the local Trakt", "server"):
        from traktauth.server.process.serve import check_config, serve  # noqa: PLC0415 - an extra
    try:
        settings = Settings(**options, control_key=os.environ.get("TRAKTAUTH_CONTROL_KEY"))
        if check:
            report = check_config(settings)
            print_json(report) if as_json else print_check(report)
            return 0
        at_terminal = is_on_terminal(sys.stderr) and not as_json
        shows_requests = at_terminal and settings.access_log != "-" if request_log is None else request_log
        ready = print_json if as_json else partial(announce, database=settings.database_address)
        status = serve(settings, ready=ready, show_request=RequestLog().write if shows_requests else None)
    except StorageUnavailable as error:
        another = Hint("Name another: ", ShellCommand("traktauth serve --database sqlite:/PATH"), ", or memory:")
        raise TraktAuthError(str(error), hint=error.hint or another) from None
    except ValueError as error:
        message = error.for_command() if isinstance(error, SettingError) else str(error)
        raise click.UsageError(message, click.get_current_context(silent=True)) from None
    except OSError as error:
        raise TraktAuthError(
            f"Cannot listen on {options['host']} port {options['port']}: {error.strerror}",
            hint=Hint("Use another port: ", ShellCommand("traktauth serve --port 0")),
        ) from None
    if at_terminal:
        print_in_place("")  # removes the ^C that a terminal shows
        print_message("Stopped.")
    return status


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_check(report: dict[str, Any]) -> None:
    """Print what would be served."""
    print_data(f"A local Trakt ({report['profile']}, as {report['measured_on']}) could be served")
    print_data(f"  rotation  {report['rotation']}")
    print_data(f"  database  {report['database']['address']} ({report['database']['state']})")
    seeded = (
        "the demo's own"
        if report["apps"] is None
        else f"{_number(report['apps'], 'app')} and {_number(report['users'], 'user')}"
    )
    print_data(f"  seed      {seeded}")
    print_data(f"  faults    {report['faults']}")
    print_data(f"  responses {report['responses']}")


def announce(announcement: dict[str, Any], *, database: str) -> None:
    """Say where the local Trakt is and what to sign in with; the secrets of a test server are meant to be read."""
    print_data(f"A local Trakt ({announcement['profile']}) is at {announcement['url']}")
    if announcement["client_id"] is None:
        print_data("  It has no app yet: sign in there and add one under Your apps, or start it with --seed FILE")
    else:
        print_data("Use it from another terminal:")
        for line in exports(announcement, windows=os.name == "nt"):
            print_data(line, indent=2)
        if announcement["client_secret"] is None:
            print_data("The app has no secret")
        others = announcement["redirect_uris"][1:]
        if others:
            print_data(f"Other redirect addresses of the app: {', '.join(others)}")
    for user in announcement["users"]:
        print_data(f"Sign in as {user['username']}, password {user['password'] or '(not shown, as it was set before)'}")
    print_data(f"Database: {database}")
    if announcement["control"]:
        print_data(f"Control page: {announcement['url']}/_control")
    print_data("Stop it with Ctrl-C.")


def exports(announcement: dict[str, Any], *, windows: bool) -> list[str]:
    """Return the lines that set the environment of a client, for a POSIX shell or for PowerShell."""
    redirects = announcement["redirect_uris"]
    variables = {
        "SERVICE": announcement["url"],
        "CLIENT_ID": announcement["client_id"],
        "CLIENT_SECRET": announcement["client_secret"],
        "REDIRECT_URI": redirects[0] if redirects else None,
    }
    return [
        f"$env:TRAKTAUTH_{name} = '{value.replace(chr(39), chr(39) * 2)}'"
        if windows
        else f"export TRAKTAUTH_{name}={shlex.quote(value)}"
        for name, value in variables.items()
        if value is not None
    ]
