"""`traktauth import`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from traktauth.cli.help.click_classes import Command
from traktauth.cli.options import common_options
from traktauth.cli.output import GOOD, NEXT, WARNING, print_json, print_message
from traktauth.cli.times import format_deadline
from traktauth.errors import AppInvalid

if TYPE_CHECKING:
    from collections.abc import Generator

    from traktauth.cli.common_options import CommonOptions
    from traktauth.client.sync_client import Trakt
    from traktauth.migrate.formats.foreign_login import ForeignLogin
    from traktauth.migrate.transfer import Source

TWO_HOLDERS = (
    "Two programs have this refresh token now. When the second one refreshes, Trakt ends the login of both, because "
    "the refresh token was used before. Stop the other program before this access token expires."
)


@click.command(
    "import",
    cls=Command,
    examples=[
        ("traktauth import pytrakt", "the login of PyTrakt or PlexTraktSync"),
        ("traktauth import kometa ~/kometa/config.yml", ""),
        ("traktauth import pytrakt --undo", "give it back"),
    ],
)
@common_options()
@click.argument("format_name", metavar="FORMAT")
@click.argument("path", required=False)
@click.option("--keep-source", is_flag=True, help="Do not change the file; two programs then have one login.")
@click.option("--undo", is_flag=True, help="Give the login back, if it was not refreshed since.")
@click.option("--refresh", is_flag=True, help="Continue with an expired access token, and refresh it.")
@click.option("--replace", is_flag=True, help="Replace a login that is still valid.")
def command(
    options: CommonOptions,
    format_name: str,
    path: str | None,
    *,
    keep_source: bool,
    undo: bool,
    refresh: bool,
    replace: bool,
) -> int:
    """Take over the login of another program.

    FORMAT is pytrakt, kometa, homeassistant or token; PATH is its file, - for standard input. The refresh token is
    taken out of the file, so that one program refreshes it; a copy beside the store is kept for --undo.
    """
    from traktauth.migrate.formats import find_format  # noqa: PLC0415 - `--help` does without
    from traktauth.migrate.transfer import import_from, undo_import  # noqa: PLC0415 - the same

    if undo:
        if keep_source or refresh or replace:
            raise click.UsageError("--undo takes no other option")
        with options.trakt() as trakt:
            file = undo_import(trakt)
        if options.json:
            print_json({"account": trakt.account, "undone": True, "path": str(file)})
        else:
            print_message(GOOD, f"The login of account {trakt.account} is back in {file}, and forgotten here")
        return 0
    form = find_format(format_name)
    source = _read_source(format_name, path)
    login = form.read(source.text, now=_now())
    with _opened(options, login) as trakt:
        done = import_from(trakt, source, keep_source=keep_source, refresh=refresh, replace=replace)
    name = done.user.username if done.user else None
    if options.json:
        print_json({"account": trakt.account, "username": name, "expires_at": done.token.expires_at})
        return 0
    who = f" of {name}" if name else ""
    print_message(GOOD, f"Imported the login{who} as account {trakt.account}" + (", earlier" if done.was_there else ""))
    if source.file is None:
        print_message(WARNING, "Remove the copies of this token: only one program may refresh it.")
    elif keep_source and done.token.refresh_token:
        print_message(WARNING, TWO_HOLDERS)
    elif not keep_source:
        until = format_deadline(done.expires_at, _now())
        print_message(NEXT, f"The other program works until {until}; stop it or sign it in anew before that.")
    return 0


def _now() -> float:
    import time  # noqa: PLC0415 - only here

    return time.time()


def _read_source(format_name: str, path: str | None) -> Source:
    """Read the file, or standard input."""
    from traktauth.migrate.login_file import decode, read_file  # noqa: PLC0415 - `--help` does without
    from traktauth.migrate.places import default_path  # noqa: PLC0415 - the same
    from traktauth.migrate.transfer import Source  # noqa: PLC0415 - the same

    file_path = default_path(format_name, os.environ) if path is None else None if path == "-" else Path(path)
    if file_path is None:
        return Source(format_name, decode(sys.stdin.buffer.read()))
    file = read_file(file_path)
    return Source(format_name, file.text, file)


@contextmanager
def _opened(options: CommonOptions, login: ForeignLogin) -> Generator[Trakt]:
    """Open the account; with the file's app if none is set."""
    settings = options.settings()
    if settings.client_id or login.client_id is None:
        with options.trakt() as trakt:
            yield trakt
        return
    from traktauth.client.sync_client import Trakt  # noqa: PLC0415 - `--help` does without
    from traktauth.models import App  # noqa: PLC0415 - the same

    try:
        app = App(login.client_id, client_secret=login.client_secret, redirect_uri=settings.redirect_uri)
    except ValueError as error:
        raise AppInvalid(f"The app in the file cannot be right: {error}") from None
    with options.adding_flags(), Trakt(app, **settings.place()) as trakt:
        yield trakt
    print_message(
        NEXT, f"Keep the file's app: set TRAKTAUTH_CLIENT_ID={app.client_id} and its secret, or: traktauth setup"
    )
