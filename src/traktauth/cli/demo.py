"""`traktauth demo`: a sign-in against a local Trakt, start to finish, every step of it real."""

from __future__ import annotations

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.options import needing_extra


@click.command("demo", cls=Command)
@click.option("--browser", is_flag=True, help="Sign in with your own browser; otherwise a program fills in the pages.")
def command(*, browser: bool) -> int:
    """Show a complete sign-in at a local Trakt, with nothing configured.

    A user signs in on its pages, the API is called, and one of eight concurrent processes refreshes the token.
    Then a used refresh token is sent again, to show what Trakt does. All data is removed at the end.

    Examples:
        traktauth demo
        traktauth demo --browser  # sign in yourself
    """
    with needing_extra("the local Trakt", "server"):
        from traktauth.cli.demo_steps import tell  # noqa: PLC0415 - it imports the local Trakt, an extra
    tell(browser=browser)
    return 0
