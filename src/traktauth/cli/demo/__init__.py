"""`traktauth demo`: a sign-in against a local Trakt, start to finish, every step of it real."""

from __future__ import annotations

import click

from traktauth.errors import TraktAuthError

INSTALL = "Install them: pip install 'traktauth[server]'"


@click.command("demo")
@click.option("--browser", is_flag=True, help="Sign in with your own browser; else a program walks the pages.")
def command(*, browser: bool) -> int:
    """See a whole sign-in against a local Trakt, with nothing configured.

    A user signs in on its pages, the API is called, the token renewed, by one of eight processes that ask at once;
    a used refresh token is sent again to show what Trakt does then. All of it is removed at the end.
    """
    try:
        from traktauth.cli.demo.story import tell  # noqa: PLC0415 - it imports the local Trakt, an extra
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("traktauth"):
            raise
        raise TraktAuthError("The local Trakt's own packages are not installed", hint=INSTALL) from None
    tell(browser=browser)
    return 0
