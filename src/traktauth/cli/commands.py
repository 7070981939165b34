"""The command `traktauth` and its subcommands, each imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import click


class _Entry(NamedTuple):
    module: str
    summary: str


# In the order in which somebody new needs them.
_COMMANDS = {
    "login": _Entry("login", "Sign in to Trakt."),
    "token": _Entry("token", "Print a usable access token, renewed if need be."),
    "status": _Entry("status", "Show every login: who, where, until when, renewable or not."),
    "request": _Entry("request", "Call Trakt's API as the account."),
    "exec": _Entry("execute", "Run a command with a usable token in its environment."),
    "refresh": _Entry("refresh", "Renew the token now, though it is fresh."),
    "logout": _Entry("logout", "Revoke the tokens at Trakt, then forget them."),
    "doctor": _Entry("doctor", "Find what is wrong, and say what mends it."),
    "store": _Entry("store", "Move logins between stores, and encrypt them."),
    "keep": _Entry("keep", "Keep a fleet's tokens fresh."),
    "serve": _Entry("serve", "Run a local Trakt for tests and development."),
    "demo": _Entry("demo", "See a whole sign-in against a local Trakt, with nothing configured."),
}


class _Commands(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = import_module(f"traktauth.cli.{entry.module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in _COMMANDS.items()])


EPILOG = """
\b
The app comes from TRAKTAUTH_CLIENT_ID, TRAKTAUTH_CLIENT_SECRET and TRAKTAUTH_REDIRECT_URI. More variables:
TRAKTAUTH_SERVICE, TRAKTAUTH_STORE, TRAKTAUTH_ACCOUNT, TRAKTAUTH_LOST_REPLY (last-attempt, sign-in, resend),
TRAKTAUTH_INSECURE (1: http:// on another host), and TRAKTAUTH_CONFIG, a TOML file with the same names
(client_id = "…"). A flag wins over the environment, the environment over the file.

\b
Exit status: 0 done, 1 failed, 2 wrong usage or interrupted, 3 the app was rejected, 4 sign-in required,
5 try later. With --json an error is one JSON line on stderr.

\b
Shell completion: eval "$(_TRAKTAUTH_COMPLETE=bash_source traktauth)", or zsh_source, fish_source.
"""


@click.group(
    cls=_Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    invoke_without_command=True,
)
@click.version_option(package_name="traktauth", message="traktauth %(version)s")
@click.pass_context
def traktauth(context: click.Context) -> None:
    """Sign in to Trakt once, and never lose the login."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
