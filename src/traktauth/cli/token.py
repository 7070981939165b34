"""`traktauth token`, `traktauth refresh` and `traktauth exec`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import NoReturn

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.command_hints import COMMAND_HINTS
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.exit_codes import report
from traktauth.cli.fast_path import print_token
from traktauth.cli.log_output import suppress_warnings
from traktauth.cli.options import common_options, min_life_option
from traktauth.cli.output import GOOD, WARNING, print_json, print_message
from traktauth.cli.times import format_deadline
from traktauth.client.sync_client import Trakt
from traktauth.errors import LoginRequired, TraktAuthError, TryLater
from traktauth.flow.login_status import LoginStatus
from traktauth.models import Token
from traktauth.protocol import USER_SETTINGS
from traktauth.wire.error_responses import error_from_response
from traktauth.wire.messages import Response


@click.command("token", cls=Command)
@common_options()
@min_life_option
@click.option("--rejected", is_flag=True, help="Read an access token that the API rejected (401) from standard input.")
def command(options: CommonOptions, min_life: float, *, rejected: bool) -> int:
    """Print a valid access token, refreshed first if necessary.

    With --rejected it prints another token than the rejected one: a newer one that is stored already, or a refreshed
    one. The exit status is 4 if Trakt refuses the refresh, as the login has ended, or has just rejected two tokens.

    Examples:
        token=$(traktauth token)
        traktauth token --json  # with its expiry
        # valid for at least another hour
        traktauth token --min-life 3600
        # after a 401
        token=$(echo "$token" | traktauth token --rejected)
    """
    rejected_token = _read_rejected() if rejected else None
    with options.trakt() as trakt:
        token = trakt.token(min_life=min_life, rejected=rejected_token)
        if token.access_token == rejected_token:
            raise rejected_again()
    print_token(token, as_json=options.json)
    return 0


def rejected_again() -> LoginRequired:
    """Return the error for a token that the API rejects although it has just replaced a rejected one."""
    return LoginRequired("Trakt rejects the access token, and a new one too (401)", reason="revoked")


def _read_rejected() -> str:
    """Return the access token on stdin, where other users of the machine cannot read it."""
    text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read().strip()  # pyright: ignore[reportUnnecessaryComparison] - closed
    if not text:
        raise click.UsageError(
            "--rejected reads the rejected access token from standard input", click.get_current_context(silent=True)
        )
    return text


FORCE_WARNING = (
    "An earlier refresh is unconfirmed. If it reached Trakt, sending it again ends this login on every device, and you "
    "have to sign in again."
)


@click.command("refresh", cls=Command)
@common_options()
@click.option("--force", is_flag=True, help="Send an unconfirmed refresh again; may end the login on every device.")
def refresh(options: CommonOptions, *, force: bool) -> int:
    """Refresh the token now, even if it is still valid.

    Callers that start at the same time share one refresh.

    Examples:
        traktauth refresh
        traktauth refresh --account tv --json
    """
    with suppress_warnings(), options.trakt() as trakt:  # the error says the same
        clock = trakt.config.context.clock
        began = clock()
        if force and trakt.status().pending is not None:
            print_message(WARNING, FORCE_WARNING)
        try:
            token = trakt.refresh(force=force, since=began)
        except TryLater as error:
            _add_expiry(error, trakt.status(), clock())
            raise
        if options.json:
            print_json(
                {
                    "account": trakt.account,
                    "fingerprint": token.fingerprint,
                    "expires_at": token.expires_at,
                    "generation": token.generation,
                }
            )
        else:
            print_message(
                GOOD, f"Refreshed: token {token.fingerprint}, valid until {format_deadline(token.expires_at, began)}"
            )
    return 0


def _add_expiry(error: TryLater, status: LoginStatus, now: float) -> None:
    """Add to the error until when the current token is valid, as nothing needs to be done before."""
    if not status.is_valid:
        return
    deadline = format_deadline(status.expires_at or now, now)
    error.message += f". The token {status.fingerprint} is valid until {deadline}"
    if status.pending is not None:
        error.hint = COMMAND_HINTS["refresh-unconfirmed"]


_OURS = "TRAKTAUTH_"
_USE_PATH = "Use a program on the PATH, or its full path: traktauth exec -- CMD …"
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as a shell has it


@click.command("exec", cls=Command, context_settings={"allow_interspersed_args": False})
@common_options()
@min_life_option
@click.option("--check", is_flag=True, help="First ask Trakt whether it accepts the token (one request).")
@click.argument("words", nargs=-1, required=True, metavar="-- CMD …", type=click.UNPROCESSED)
def exec_command(options: CommonOptions, min_life: float, words: tuple[str, ...], *, check: bool) -> int:
    """Replace this process with a command that has a valid token in its environment.

    The command gets TRAKT_ACCESS_TOKEN, TRAKT_ACCESS_TOKEN_EXPIRES_AT (Unix seconds), TRAKT_CLIENT_ID and
    TRAKT_API_URL, but no TRAKTAUTH_* variable, so not the app's secret.

    The token is valid by its expiry. With --check Trakt is asked too: a token that it rejects (401) is refreshed, and
    the exit status is 4 if the login has ended. The status is 127 if CMD does not exist, 126 if it cannot be run.

    Examples:
        traktauth exec -- python my_tool.py
        # ask Trakt first; 4 if the login has ended
        traktauth exec --check -- ./sync.sh
        traktauth exec --account tv --min-life 600 -- ./sync.sh
    """
    with options.trakt() as trakt:
        if check:
            _check_login(trakt)
        token = trakt.token(min_life=min_life)
        environ = command_environment(os.environ, token, client_id=trakt.config.app.client_id, api_url=trakt.api_url)
    try:
        exec_replace(words, environ)
    except OSError as error:
        problem = TraktAuthError(f"Cannot run {words[0]}: {error.strerror}", hint=_USE_PATH)
        report(problem, as_json=options.json)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


def _check_login(trakt: Trakt) -> None:
    """Ask the API for the user's settings, as the cheapest request that needs a valid token."""
    response = trakt.request("GET", USER_SETTINGS)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        raise rejected_again()
    if not response.is_success:
        reply = Response(response.status_code, response.headers, response.content)
        raise error_from_response(reply, what="the user's settings")


def command_environment(own: Mapping[str, str], token: Token, *, client_id: str, api_url: str) -> dict[str, str]:
    """Return the environment of the command."""
    passed_on = {name: value for name, value in own.items() if not name.upper().startswith(_OURS)}
    return {
        **passed_on,
        "TRAKT_ACCESS_TOKEN": token.access_token,
        "TRAKT_ACCESS_TOKEN_EXPIRES_AT": str(int(token.expires_at)),
        "TRAKT_CLIENT_ID": client_id,
        "TRAKT_API_URL": api_url,
    }


def exec_replace(words: tuple[str, ...], environ: dict[str, str]) -> NoReturn:
    """Replace this process with a command."""
    if sys.platform == "win32":  # pragma: no cover - a caller on Windows does not wait for exec
        sys.exit(subprocess.run(words, env=environ, check=False).returncode)  # noqa: S603 - the user's own command
    # Python ignores these signals, and exec keeps ignored signals ignored, which the command would not expect.
    for name in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(name, signal.SIG_DFL)
    os.execvpe(words[0], words, environ)  # noqa: S606 - the user's own command
