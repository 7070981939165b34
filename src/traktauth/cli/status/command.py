"""`traktauth status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from traktauth.cli.help.click_classes import Command
from traktauth.cli.option_decorators import common_options
from traktauth.cli.status.report import collect, show

if TYPE_CHECKING:
    from traktauth.cli.common_options import CommonOptions


@click.command(
    "status",
    cls=Command,
    examples=[
        ("traktauth status", ""),
        ("traktauth status --verify --account tv", "check one account at Trakt"),
        ("traktauth status --json", "for a script"),
    ],
)
@common_options()
@click.option("--verify", is_flag=True, help="Also check each valid token at Trakt.")
def command(options: CommonOptions, *, verify: bool) -> int:
    """Show every login in the store, or only --account: account, user, service, expiry, refresh.

    Without --verify nothing is sent. "current" marks the login that the settings name. The exit status covers the
    logins of the app and service in the settings: 1 if one cannot be read, else 4 if one needs a sign-in, or if the
    current one or all were moved to another store or program. Other logins are only shown.
    """
    return show(collect(options, verify=verify))
