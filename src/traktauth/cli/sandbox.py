"""`traktauth sandbox`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.options import home_option, needing_extra, profile_option

MAX_TIMEOUT = 1_000_000


@click.command("sandbox", cls=Command, context_settings={"allow_interspersed_args": False})
@profile_option
@click.option(
    "--seed", metavar="FILE", type=click.Path(path_type=Path), help="Apps and users of the local Trakt, as for serve."
)
@click.option(
    "--faults", metavar="FILE", type=click.Path(path_type=Path), help="Faults of the local Trakt, as for serve."
)
@click.option(
    "--responses", metavar="FILE", type=click.Path(path_type=Path), help="Responses of the API, as for serve."
)
@click.option("--allow", multiple=True, metavar="HOST", help="A further host that may be reached; repeatable.")
@click.option("--isolate", is_flag=True, help="A network in which the program reaches the sandbox alone (Linux).")
@click.option("--show", is_flag=True, help="A line per request to Trakt on standard error.")
@click.option(
    "--as", "username", default="sean", show_default=True, metavar="USER", help="The user who approves sign-ins."
)
@home_option
@click.option("--tokens", metavar="FORMAT:PATH", help="Write a valid login first: traktauth, or a format of import.")
@click.option(
    "--timeout",
    type=click.IntRange(1, MAX_TIMEOUT),
    metavar="SECONDS",
    help="End the command after this time (exit status 124).",
)
@click.argument("words", nargs=-1, required=True, metavar="-- CMD …", type=click.UNPROCESSED)
def command(
    *,
    profile: str,
    seed: Path | None,
    faults: Path | None,
    responses: Path | None,
    words: tuple[str, ...],
    **how: Any,
) -> int:
    """Run a program, in any language, so that Trakt's hosts are a local Trakt.

    The program is not changed: it gets a proxy and a CA in its environment, and TRAKT_CLIENT_ID, TRAKT_CLIENT_SECRET
    and TRAKT_REDIRECT_URI of an app. All other hosts are refused. Sign-ins are approved automatically. The exit
    status is the program's; processes that it leaves running are ended.

    Examples:
        traktauth sandbox -- python sync.py
        # signed in, requests shown
        traktauth sandbox --show \\
          --tokens pytrakt:.pytrakt.json -- python sync.py
    """
    with needing_extra("the sandbox", "sandbox"):
        from traktauth.cli.sandbox_run import run  # noqa: PLC0415 - an extra
    try:
        return run(words, {"profile": profile, "seed": seed, "faults": faults, "responses": responses}, **how)
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context(silent=True)) from None
