"""`traktauth token`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from traktauth.cli.help.click_classes import Command
from traktauth.cli.option_decorators import common_options, min_life_option
from traktauth.cli.token_output import print_token

if TYPE_CHECKING:
    from traktauth.cli.common_options import CommonOptions


@click.command(
    "token",
    cls=Command,
    examples=[
        ('curl -H "Authorization: Bearer $(traktauth token)" ...', ""),
        ("traktauth token --json", "with its expiry"),
        ("traktauth token --min-life 3600", "valid for at least another hour"),
    ],
)
@common_options()
@min_life_option
def command(options: CommonOptions, min_life: float) -> int:
    """Print a valid access token, refreshed first if necessary."""
    with options.trakt() as trakt:
        token = trakt.token(min_life=min_life)
    print_token(token, as_json=options.json)
    return 0
