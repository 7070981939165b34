"""`traktauth store`: what is done with a store as a whole."""

from __future__ import annotations

import click

from traktauth.cli.click_classes import Group, show_help
from traktauth.cli.store import key, move, reseal, schema


@click.group("store", cls=Group, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Move logins between stores, and encrypt them."""
    if context.invoked_subcommand is None:
        show_help(context.get_help())


for each in (move.command, key.command, reseal.command, schema.command):
    command.add_command(each)
