"""`traktauth help` and `traktauth version`: the topics, and the manual as a man page."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
from click.shell_completion import CompletionItem

from traktauth._version import __version__
from traktauth.cli.click_classes import Command, describe_unknown
from traktauth.cli.exit_codes import EXIT_CODES_HELP
from traktauth.cli.output import print_text
from traktauth.client.settings import read_settings
from traktauth.stores.user_folders import config_path, default_config_path

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
    path, home = config_path(os.environ) or default_config_path(), Path.home()
    if path is None:
        return "none: this user has no home folder"
    return f"~/{Path(path).relative_to(home)}" if Path(path).is_relative_to(home) else path


def _api_url() -> str:
    """Return a sentence with the API's base address; empty if the settings name no service."""
    try:
        return f"\n\nWith the present settings TRAKT_API_URL is {read_settings().find_service().api}"
    except ValueError:
        return ""


_SUMMARY = "sign in to Trakt once, and never lose the login"


def man_page(root: click.Group, context: click.Context) -> str:
    """Return the man page: the help of each command, and the topics; its date is SOURCE_DATE_EPOCH, or today."""
    at = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    date = time.strftime("%Y-%m-%d", time.gmtime(at))
    lines = [f'.TH TRAKTAUTH 1 {date} "traktauth {__version__}"', ".SH NAME", f"traktauth \\- {_SUMMARY}"]
    lines += [".SH SYNOPSIS", ".B traktauth", "\\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]", ".SH COMMANDS"]
    for its_context in _contexts(root, context):
        lines += [f".SS {_escape(its_context.command_path)}", *_verbatim(its_context.get_help())]
    for name, (_, text) in TOPICS.items():
        lines += [f".SH {name.replace('-', ' ').upper()}", *_verbatim(text)]
    return "\n".join(lines)


def _contexts(group: click.Group, context: click.Context) -> Iterator[click.Context]:
    """Yield a context for each command that has no subcommands."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            inner = click.Context(command, info_name=name, parent=context, terminal_width=78)
            yield from _contexts(command, inner) if isinstance(command, click.Group) else [inner]


def _verbatim(text: str) -> list[str]:
    return [".nf", *(_escape(line) for line in text.rstrip("\n").split("\n")), ".fi"]


def _escape(text: str) -> str:
    """Return a line with backslashes, hyphens, quotes and a leading dot escaped for the macros."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def _complete_words(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    names = cast("click.Group", context.find_root().command).list_commands(context)
    return [CompletionItem(n) for n in [*names, *TOPICS] if n.startswith(incomplete)]


@click.command("help", cls=Command)
@click.argument("words", nargs=-1, metavar="[COMMAND|TOPIC]", shell_complete=_complete_words)
@click.option("--man", is_flag=True, help="Print the manual of all commands as a man page.")
@click.pass_context
def command(context: click.Context, words: tuple[str, ...], *, man: bool) -> int:
    """Show the help of a command, or of a topic: environment or exit-codes.

    Examples:
        traktauth help login
        traktauth help store move
        traktauth help environment
        # the whole manual, as a man page
        traktauth help --man | man -l -
        # install it
        traktauth help --man > ~/.local/share/man/man1/traktauth.1
    """
    root_context = context.find_root()
    root = cast("click.Group", root_context.command)
    known = [*root.list_commands(root_context), *TOPICS]
    if man:
        print_text(f"{man_page(root, root_context)}\n")
    elif words and words[0] not in known:
        raise click.UsageError(describe_unknown("command or topic", words[0], known), context)
    elif words and words[0] in TOPICS:
        print_text(TOPICS[words[0]][1].rstrip("\n") + (_api_url() if words[0] == "environment" else "") + "\n")
    else:
        root.main([*words, "--help"], "traktauth", standalone_mode=False)
    return 0


@click.command("version", cls=Command)
def version() -> int:
    """Print the version, as traktauth -V does.

    Examples:
        traktauth version
    """
    print_text(f"traktauth {__version__}\n")
    return 0
