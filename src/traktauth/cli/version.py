"""`traktauth version`."""

from __future__ import annotations

import click

from traktauth._version import __version__
from traktauth.cli.help.click_classes import Command
from traktauth.cli.output import print_data


@click.command("version", cls=Command, examples=[("traktauth version", "")])
def command() -> int:
    """Print the version, as traktauth -V does."""
    print_data(f"traktauth {__version__}")
    return 0
