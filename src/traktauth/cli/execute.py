"""`traktauth exec`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from traktauth.cli.durations import LIFE
from traktauth.cli.place import Place, placed
from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.models import Token

_OURS = "TRAKTAUTH_"


@click.command("exec", context_settings={"allow_interspersed_args": False})
@placed
@click.option("--min-life", type=LIFE, default=0.0, metavar="SECONDS", help="What the token must live on, at least.")
@click.argument("words", nargs=-1, required=True, metavar="-- CMD …", type=click.UNPROCESSED)
def command(place: Place, min_life: float, words: tuple[str, ...]) -> int:
    """Replace this process by a command that finds a usable token in its environment.

    It gets TRAKT_ACCESS_TOKEN, TRAKT_ACCESS_TOKEN_EXPIRES_AT (Unix seconds) and TRAKT_CLIENT_ID, and no TRAKTAUTH_*
    variable, so no secret of the app.

    \b
    Example: traktauth exec -- python my_tool.py
    """
    with place.trakt() as trakt:
        token = trakt.token(min_life=min_life)
        client_id = trakt.setup.app.client_id
    become(words, environment(os.environ, token, client_id))


def environment(own: Mapping[str, str], token: Token, client_id: str) -> dict[str, str]:
    """Return the command's environment."""
    passed_on = {name: value for name, value in own.items() if not name.upper().startswith(_OURS)}
    return {
        **passed_on,
        "TRAKT_ACCESS_TOKEN": token.access_token,
        "TRAKT_ACCESS_TOKEN_EXPIRES_AT": str(int(token.expires_at)),
        "TRAKT_CLIENT_ID": client_id,
    }


def become(words: tuple[str, ...], environ: dict[str, str]) -> NoReturn:
    """Become another program.

    Raises:
        TraktAuthError: there is no such program, or it cannot be run.
    """
    try:
        if sys.platform == "win32":  # pragma: no cover - it has no exec that the caller would wait for
            sys.exit(subprocess.run(words, env=environ, check=False).returncode)  # noqa: S603 - the user's own command
        # Python ignores these, and what is ignored stays so in the next program, which would not expect it.
        for name in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(name, signal.SIG_DFL)
        os.execvpe(words[0], words, environ)  # noqa: S606 - the user's own command
    except OSError as error:
        raise TraktAuthError(
            f"The command {words[0]} cannot be run: {error.strerror}",
            hint="Give a program on the PATH, or its whole path: traktauth exec -- CMD …",
        ) from None
