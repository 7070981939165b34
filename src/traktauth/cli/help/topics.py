"""The help topics, and lookup of the help of a command or topic by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from traktauth.cli.exit_codes import EXIT_CODES_HELP
from traktauth.cli.help.click_classes import describe_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRONMENT = """\
Settings come from options, environment variables and a configuration file. An
option overrides a variable, and a variable overrides the file.

The app, from its page at Trakt (https://app.trakt.tv/settings/apps/api):
  TRAKTAUTH_CLIENT_ID       its client id
  TRAKTAUTH_CLIENT_SECRET   its secret; unset for a public app
  TRAKTAUTH_REDIRECT_URI    its redirect address, exactly as registered,
                            such as http://127.0.0.1:9876/callback

Which login:
  TRAKTAUTH_SERVICE         trakt (default), auth.trakt.tv, staging, or the
                            address of a local Trakt
  TRAKTAUTH_ACCOUNT         your own name for an account (default: default)
  TRAKTAUTH_STORE           where logins are kept: file: (default),
                            file:/PATH.json, sqlite:/PATH, keyring:,
                            redis://..., postgresql://..., and sealed+ADDRESS
  TRAKTAUTH_SEAL_KEY        keys of sealed stores, newest first, with commas
  TRAKTAUTH_SEAL_KEY_FILE   a file with the same keys, one a line

Behaviour:
  TRAKTAUTH_LOST_REPLY      after a refresh whose response was lost:
                            last-attempt (default), sign-in or resend
  TRAKTAUTH_INSECURE        1 allows http:// on a host that is not this machine
  TRAKTAUTH_CONFIG          another configuration file
  TRAKTAUTH_DATABASE        the database of traktauth serve
  TRAKTAUTH_CONTROL_KEY     the key of its control API, beyond loopback
  BROWSER, NO_COLOR         the browser to open; no colours

traktauth exec sets for the command that it runs:
  TRAKT_ACCESS_TOKEN              a valid access token
  TRAKT_ACCESS_TOKEN_EXPIRES_AT   when it expires, in Unix seconds
  TRAKT_CLIENT_ID                 the app's client id, for trakt-api-key
  TRAKT_API_URL                   the base address of the API

traktauth setup writes the configuration file: TOML with the same names in
lower case, readable by you only (chmod 600). On Linux it is
~/.config/traktauth/config.toml; traktauth doctor names the one that is read.

  client_id = "..."
  client_secret = "..."
  redirect_uri = "http://127.0.0.1:9876/callback"
"""

TOPICS = {
    "environment": ("settings: variables and the configuration file", ENVIRONMENT),
    "exit-codes": ("what the exit status says", EXIT_CODES_HELP),
}


def config_file() -> str:
    """Return the path of this user's configuration file, with `~` for the home folder."""
    import os  # noqa: PLC0415 - only for a help

    from traktauth.client.config_path import config_path, default_config_path  # noqa: PLC0415 - the same

    path = config_path(os.environ) or default_config_path() or "none: this user has no home folder"
    home = os.path.expanduser("~")  # noqa: PTH111 - paths are text here
    return f"~{path[len(home) :]}" if home != "/" and path.startswith(f"{home}/") else path


def _api_url() -> str:
    """Return a sentence with the API's base address; empty if the settings name no service."""
    from traktauth.client.settings import read_settings  # noqa: PLC0415 - only for a help

    try:
        return f"\n\nWith the present settings TRAKT_API_URL is {read_settings().find_service().api}"
    except ValueError:
        return ""


def help_of(root: click.Group, context: click.Context, words: Sequence[str]) -> str:
    """Return the help of a command, or a topic.

    Raises:
        UsageError: neither exists.
    """
    if len(words) == 1 and words[0] in TOPICS:
        return TOPICS[words[0]][1].rstrip("\n") + (_api_url() if words[0] == "environment" else "")
    command: click.Command = root
    for word in words:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            known = command.list_commands(context) if isinstance(command, click.Group) else []
            topics = list(TOPICS) if command is root else []
            raise click.UsageError(describe_unknown("command or topic", word, [*known, *topics]), context)
        context = click.Context(found, info_name=word, parent=context, **found.context_settings)
        command = found
    return command.get_help(context)
