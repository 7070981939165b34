"""`traktauth token`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.fast_path import print_token
from traktauth.cli.options import common_options, min_life_option

if TYPE_CHECKING:
    from traktauth.cli.common_options import CommonOptions


@click.command(
    "token",
    cls=Command,
    examples=[
        ("token=$(traktauth token)", ""),
        ("traktauth token --json", "with its expiry"),
        ("traktauth token --min-life 3600", "valid for at least another hour"),
        ('token=$(echo "$token" | traktauth token --rejected)', "after a 401"),
    ],
)
@common_options()
@min_life_option
@click.option("--rejected", is_flag=True, help="Read an access token that the API rejected (401) from standard input.")
def command(options: CommonOptions, min_life: float, *, rejected: bool) -> int:
    """Print a valid access token, refreshed first if necessary.

    With --rejected it prints another token than the rejected one: a newer one that is stored already, or a refreshed
    one. The exit status is 4 if Trakt refuses the refresh, as the login has ended.
    """
    rejected_token = _read_rejected() if rejected else None
    with options.trakt() as trakt:
        token = trakt.token(min_life=min_life, rejected=rejected_token)
    print_token(token, as_json=options.json)
    return 0


def _read_rejected() -> str:
    """Return the access token on stdin, where other users of the machine cannot read it.

    Raises:
        UsageError: standard input is empty.
    """
    text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read().strip()  # pyright: ignore[reportUnnecessaryComparison] - closed
    if not text:
        raise click.UsageError(
            "--rejected reads the rejected access token from standard input", click.get_current_context(silent=True)
        )
    return text
