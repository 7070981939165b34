"""`traktauth lab`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.options import home_option, json_option, needing_extra, profile_option

MAX_COPIES = 64
MAX_TIMEOUT = 3600


@click.command(
    "lab", cls=Command, exclusive=[("--setup", "--tokens")], context_settings={"allow_interspersed_args": False}
)
@click.option(
    "--copies",
    type=click.IntRange(2, MAX_COPIES),
    metavar="N",
    default=8,
    show_default=True,
    help="Copies that race each other.",
)
@click.option("--setup", metavar="CMD", help="Shell command that signs in; its device code is approved.")
@click.option(
    "--tokens",
    metavar="FORMAT:PATH",
    help="Write the login below HOME (default: traktauth); formats as for import.",
)
@home_option
@click.option("--scenario", "names", multiple=True, metavar="NAME", help="Run this scenario and single; repeatable.")
@click.option(
    "--timeout",
    type=click.IntRange(1, MAX_TIMEOUT),
    metavar="SECONDS",
    default=60,
    show_default=True,
    help="Longest time of each run.",
)
@profile_option
@click.option(
    "--seed", metavar="FILE", type=click.Path(path_type=Path), help="Apps and users of the local Trakts, as for serve."
)
@click.option(
    "--responses", metavar="FILE", type=click.Path(path_type=Path), help="Responses of the API, as for serve."
)
@json_option
@click.option("--badge", type=click.Path(dir_okay=False, path_type=Path), help="Write the verdict as an SVG picture.")
@click.argument("words", nargs=-1, required=True, metavar="-- CMD …", type=click.UNPROCESSED)
def command(words: tuple[str, ...], **how: Any) -> int:
    """Find out whether a program would lose a login at Trakt.

    The program runs against local Trakts: N copies at once, with a lost response, killed during a refresh,
    and during an outage. It must exit with 0 and call the API, such as GET /users/settings. The last line is the
    verdict; the exit status is 0 if the program keeps its login, 1 if it would lose one, 6 if it was not judged.

    Examples:
        traktauth lab -- traktauth request GET /users/settings
        # its login is a file of PyTrakt's
        traktauth lab --tokens pytrakt:.pytrakt.json \\
          -- python sync.py
        # it signs in by a device code
        traktauth lab --setup './tool login' \\
          --badge login.svg -- ./tool sync
    """
    with needing_extra("the lab", "sandbox"):
        from traktauth.cli.lab_run import run  # noqa: PLC0415 - an extra
    try:
        return run(words, **how)
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context(silent=True)) from None
