"""`traktauth import` and `traktauth export`: the logins of other programs."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.options import common_options
from traktauth.cli.output import GOOD, NEXT, WARNING, print_json, print_message, print_text
from traktauth.cli.times import format_deadline
from traktauth.client.sync_client import Trakt
from traktauth.errors import AppInvalid
from traktauth.hints import LOGIN_COMMAND, SETUP_COMMAND, Hint, ShellCommand
from traktauth.migrate.formats import NAMES, default_path, find_format
from traktauth.migrate.formats.foreign_login import ForeignLogin
from traktauth.migrate.login_file import LARGEST, check_size, decode, read_file
from traktauth.migrate.transfer import Source, export_access_token, export_login, import_from, undo_import
from traktauth.models import App
from traktauth.models.store_address import is_shared_store

F = TypeVar("F", bound=Callable[..., object])

TWO_HOLDERS = (
    "Two programs have this refresh token now. When the second one refreshes, Trakt ends the login of both, because "
    "the refresh token was used before. Stop the other program before this access token expires."
)
SPENT_IN_SOURCE = (
    "The login was refreshed, so the refresh token in the file is spent. If the other program sends it, Trakt ends "
    "this login. Stop that program, and sign it in again."
)
NO_VALID_TOKEN = "The other program has no valid token any more; stop it or sign it in again."


def _complete_format(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the formats that begin as what was typed."""
    return [name for name in NAMES if name.startswith(incomplete)]


def _check_format(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    """Return the name of a format."""
    try:
        find_format(name)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return name


def _find_path(context: click.Context, _parameter: click.Parameter, path: str | None) -> Path | None:
    """Return the file's path: by default the one of the program; None for a standard stream."""
    if path is None and not context.resilient_parsing:
        return default_path(context.params["format_name"], os.environ)
    return None if path in {None, "-"} else Path(str(path))


def _file_arguments(command: F) -> F:
    """Add the arguments FORMAT and PATH."""
    command = click.argument("path", required=False, callback=_find_path)(command)
    return click.argument("format_name", metavar="FORMAT", callback=_check_format, shell_complete=_complete_format)(
        command
    )


@click.command(
    "import", cls=Command, exclusive=[("--undo", "--keep-source"), ("--undo", "--refresh"), ("--undo", "--replace")]
)
@common_options()
@_file_arguments
@click.option("--keep-source", is_flag=True, help="Do not change the file; two programs then have one login.")
@click.option("--undo", is_flag=True, help="Give the login back, if it was not refreshed since.")
@click.option("--refresh", is_flag=True, help="Continue with an expired access token, and refresh it.")
@click.option("--replace", is_flag=True, help="Replace a login that is still valid.")
def import_login(
    options: CommonOptions,
    format_name: str,
    path: Path | None,
    *,
    keep_source: bool,
    undo: bool,
    refresh: bool,
    replace: bool,
) -> int:
    """Take over the login of another program.

    FORMAT is pytrakt, kometa, homeassistant or token; PATH is its file, - for standard input. The refresh token is
    taken out of the file, so that one program refreshes it; a copy beside the store is kept for --undo.

    Examples:
        # the login of PyTrakt or PlexTraktSync
        traktauth import pytrakt
        traktauth import kometa ~/kometa/config.yml
        traktauth import pytrakt --undo  # give it back
    """
    if undo:
        return _undo(options, format_name, path)
    source = _read_source(format_name, path)
    with _open(options, _read_login(options, source)) as trakt:
        done = import_from(trakt, source, keep_source=keep_source, refresh=refresh, replace=replace)
    name = done.user.username if done.user else None
    if options.json:
        print_json({"account": trakt.account, "username": name, "expires_at": done.token.expires_at})
        return 0
    who = f" of {name}" if name else ""
    print_message(GOOD, f"Imported the login{who} as account {trakt.account}" + (", earlier" if done.was_there else ""))
    if source.file is None:
        print_message(WARNING, "Remove the copies of this token: only one program may refresh it.")
    elif done.was_refreshed:
        print_message(*((WARNING, SPENT_IN_SOURCE) if keep_source else (NEXT, NO_VALID_TOKEN)))
    elif keep_source and done.token.refresh_token:
        print_message(WARNING, TWO_HOLDERS)
    else:
        until = format_deadline(done.expires_at, trakt.config.context.clock())
        if keep_source:
            hint = Hint(f"The login has no refresh token; it works until {until}. Sign in then: ", LOGIN_COMMAND)
            print_message(NEXT, options.with_flags(hint))
        else:
            print_message(NEXT, f"The other program works until {until}; stop it or sign it in again before that.")
    if not options.settings().client_id:
        app = f"TRAKTAUTH_CLIENT_ID={trakt.config.app.client_id}"
        print_message(NEXT, Hint(f"Keep the file's app: set {app} and its secret, or: ", SETUP_COMMAND))
    return 0


def _undo(options: CommonOptions, format_name: str, path: Path | None) -> int:
    """Undo an import, and return the exit code; if no app is set, the file names the one that was imported."""
    has_app = bool(options.settings().client_id) or path is None or not path.exists()
    login = None if has_app else _read_login(options, _read_source(format_name, path))
    with _open(options, login) as trakt:
        undone = undo_import(trakt)
    if options.json:
        print_json({"account": trakt.account, "undone": True, "kept": undone.is_kept, "path": str(undone.path)})
        return 0
    print_message(GOOD, f"The imported login is back in {undone.path}, and forgotten here")
    if undone.is_kept:
        print_message(NEXT, f"Account {trakt.account} keeps the login that replaced it.")
    return 0


def _read_source(format_name: str, file_path: Path | None) -> Source:
    """Read the file, or standard input."""
    if file_path is None:
        content = sys.stdin.buffer.read(LARGEST + 1)
        check_size("Standard input", content)
        return Source(format_name, decode(content))
    file = read_file(file_path)
    return Source(format_name, file.text, file)


def _read_login(options: CommonOptions, source: Source) -> ForeignLogin:
    return find_format(source.format).read(source.text, now=options.settings().clock()())


@contextmanager
def _open(options: CommonOptions, login: ForeignLogin | None) -> Generator[Trakt]:
    """Open the account; with the file's app if none is set."""
    settings = options.settings()
    if settings.client_id or login is None or login.client_id is None:
        with options.trakt() as trakt:
            yield trakt
        return
    try:
        app = App(login.client_id, client_secret=login.client_secret, redirect_uri=settings.redirect_uri)
    except ValueError as error:
        raise AppInvalid(f"The app in the file cannot be right: {error}") from None
    with options.adding_flags(), Trakt(app, **settings.trakt_arguments()) as trakt:
        yield trakt


@click.command("export", cls=Command, exclusive=[("--access-only", "--transfer")])
@common_options()
@_file_arguments
@click.option("--access-only", is_flag=True, help="Write no refresh token: the login stays here.")
@click.option("--transfer", is_flag=True, help="Write the refresh token, too: the login is moved there.")
def export(options: CommonOptions, format_name: str, path: Path | None, *, access_only: bool, transfer: bool) -> int:
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
                print_text(f"{text}\n")
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
