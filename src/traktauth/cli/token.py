"""`traktauth token` and `traktauth refresh`."""

from __future__ import annotations

import sys

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.command_hints import COMMAND_HINTS
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.fast_path import print_token
from traktauth.cli.log_output import suppress_warnings
from traktauth.cli.options import common_options, min_life_option
from traktauth.cli.output import GOOD, WARNING, print_json, print_message
from traktauth.cli.times import format_deadline
from traktauth.errors import TryLater
from traktauth.flow.login_status import LoginStatus


@click.command("token", cls=Command)
@common_options()
@min_life_option
@click.option("--rejected", is_flag=True, help="Read an access token that the API rejected (401) from standard input.")
def command(options: CommonOptions, min_life: float, *, rejected: bool) -> int:
    """Print a valid access token, refreshed first if necessary.

    With --rejected it prints another token than the rejected one: a newer one that is stored already, or a refreshed
    one. The exit status is 4 if Trakt refuses the refresh, as the login has ended.

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
    print_token(token, as_json=options.json)
    return 0


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
