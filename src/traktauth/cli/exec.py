"""`traktauth exec`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from traktauth.cli.help.click_classes import Command
from traktauth.cli.option_decorators import common_options, min_life_option
from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.cli.common_options import CommonOptions
    from traktauth.models import Token

_OURS = "TRAKTAUTH_"


@click.command(
    "exec",
    cls=Command,
    context_settings={"allow_interspersed_args": False},
    examples=[
        ("traktauth exec -- python my_tool.py", ""),
        ("traktauth exec --account tv --min-life 600 -- ./sync.sh", ""),
    ],
)
@common_options()
@min_life_option
@click.argument("words", nargs=-1, required=True, metavar="-- CMD …", type=click.UNPROCESSED)
def command(options: CommonOptions, min_life: float, words: tuple[str, ...]) -> int:
    """Replace this process with a command that has a valid token in its environment.

    The command gets TRAKT_ACCESS_TOKEN, TRAKT_ACCESS_TOKEN_EXPIRES_AT (Unix seconds) and TRAKT_CLIENT_ID, but no
    TRAKTAUTH_* variable, so not the app's secret.
    """
    with options.trakt() as trakt:
        token = trakt.token(min_life=min_life)
        client_id = trakt.config.app.client_id
    exec_replace(words, command_environment(os.environ, token, client_id))


def command_environment(own: Mapping[str, str], token: Token, client_id: str) -> dict[str, str]:
    """Return the environment of the command."""
    passed_on = {name: value for name, value in own.items() if not name.upper().startswith(_OURS)}
    return {
        **passed_on,
        "TRAKT_ACCESS_TOKEN": token.access_token,
        "TRAKT_ACCESS_TOKEN_EXPIRES_AT": str(int(token.expires_at)),
        "TRAKT_CLIENT_ID": client_id,
    }


def exec_replace(words: tuple[str, ...], environ: dict[str, str]) -> NoReturn:
    """Replace this process with a command.

    Raises:
        TraktAuthError: the program does not exist, or cannot be run.
    """
    try:
        if sys.platform == "win32":  # pragma: no cover - a caller on Windows does not wait for exec
            sys.exit(subprocess.run(words, env=environ, check=False).returncode)  # noqa: S603 - the user's own command
        # Python ignores these signals, and exec keeps ignored signals ignored, which the command would not expect.
        for name in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(name, signal.SIG_DFL)
        os.execvpe(words[0], words, environ)  # noqa: S606 - the user's own command
    except OSError as error:
        raise TraktAuthError(
            f"Cannot run {words[0]}: {error.strerror}",
            hint="Use a program on the PATH, or its full path: traktauth exec -- CMD …",
        ) from None
