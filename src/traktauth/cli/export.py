"""`traktauth export`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.options import common_options
from traktauth.cli.output import GOOD, NEXT, print_json, print_message
from traktauth.hints import Hint, ShellCommand
from traktauth.migrate.formats import NAMES, default_path, find_format
from traktauth.migrate.transfer import export_access_token, export_login
from traktauth.models.store_address import is_shared_store


def complete_format(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the formats that begin as what was typed."""
    return [name for name in NAMES if name.startswith(incomplete)]


def check_format(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    """Return the name of a format."""
    try:
        find_format(name)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return name


def find_path(context: click.Context, _parameter: click.Parameter, path: str | None) -> Path | None:
    """Return the file's path: by default the one of the program; None for a standard stream."""
    if path is None and not context.resilient_parsing:
        return default_path(context.params["format_name"], os.environ)
    return None if path in {None, "-"} else Path(str(path))


@click.command("export", cls=Command, exclusive=[("--access-only", "--transfer")])
@common_options()
@click.argument("format_name", metavar="FORMAT", callback=check_format, shell_complete=complete_format)
@click.argument("path", required=False, callback=find_path)
@click.option("--access-only", is_flag=True, help="Write no refresh token: the login stays here.")
@click.option("--transfer", is_flag=True, help="Write the refresh token, too: the login is moved there.")
def command(options: CommonOptions, format_name: str, path: Path | None, *, access_only: bool, transfer: bool) -> int:
    """Write a login for another program.

    FORMAT is pytrakt, kometa, homeassistant or token; PATH is its file, - for standard output.

    Examples:
        # until the access token expires
        traktauth export pytrakt --access-only
        # for good
        traktauth export kometa ~/kometa/config.yml --transfer
        # as Trakt's own response
        traktauth export token - --access-only
    """
    if not access_only and not transfer:
        raise click.UsageError("use --access-only (the login stays here) or --transfer (it is moved there)")
    if transfer and path is None:
        raise click.UsageError("--transfer needs a file: printed output can be lost")
    with options.trakt() as trakt:
        if transfer and path is not None:
            export_login(trakt, format_name, path)
        else:
            text = export_access_token(trakt, format_name, path)
            if path is None:
                click.echo(text)
                return 0
    if options.json:
        print_json({"account": trakt.account, "path": str(path), "transfer": transfer})
        return 0
    print_message(GOOD, f"Wrote the login of account {trakt.account} to {path}")
    there = shlex.quote(str(path))
    if transfer:
        take_back = ShellCommand(f"traktauth import {format_name}", there, "login")
        hint = Hint("It is refreshed there from now on; take it back: ", take_back)
    elif is_shared_store(trakt.store.address):
        account = f"TRAKTAUTH_ACCOUNT={shlex.quote(options.account)} " if options.account else ""
        file_option = shlex.quote(f"{format_name}:{path}")
        keep = ShellCommand(f"{account}traktauth keep --write {file_option}")
        hint = Hint("Write it again after each refresh: ", keep)
    else:
        again = ShellCommand(f"traktauth export {format_name}", f"{there} --access-only", "login")
        hint = Hint("Write it again before it expires: ", again)
    print_message(NEXT, options.with_flags(hint))
    return 0
