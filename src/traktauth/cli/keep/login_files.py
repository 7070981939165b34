"""`traktauth keep --write`: files of other programs that get the access token after each refresh."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from traktauth.cli.output import WARNING, print_message
from traktauth.client.sync_client import Trakt
from traktauth.errors import TraktAuthError
from traktauth.keeper import Refreshed
from traktauth.migrate.formats import find_format
from traktauth.migrate.transfer import export_access_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traktauth.client.settings import Settings
    from traktauth.keeper import Event


class LoginFiles:
    """Writes the access token of one account, and no refresh token, into files of other programs.

    Args:
        settings: whose account it is.
        files: each as `FORMAT:PATH`.

    Raises:
        UsageError: one of them is not a format and a path.
    """

    def __init__(self, settings: Settings, files: Sequence[str]) -> None:
        self._settings = settings
        self._files = [_parse(each) for each in files]
        self._writing: set[asyncio.Task[None]] = set()

    def write(self) -> None:
        """Write every file.

        Raises:
            TraktAuthError: the account has no valid token, or a file cannot be written.
        """
        with Trakt(self._settings.app(), **self._settings.place()) as trakt:
            for name, path in self._files:
                export_access_token(trakt, name, path)

    def on_event(self, event: Event) -> None:
        """Write the files in a thread if the account has a new token."""
        if isinstance(event, Refreshed) and event.login.account == self._settings.account:
            task = asyncio.get_running_loop().create_task(self._write_in_thread())
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def finish(self) -> None:
        """Wait for files that are being written."""
        await asyncio.gather(*self._writing)

    async def _write_in_thread(self) -> None:
        try:
            await asyncio.to_thread(self.write)
        except TraktAuthError as error:
            print_message(WARNING, f"The login file could not be written: {error.message}")


def _parse(text: str) -> tuple[str, Path]:
    name, colon, path = text.partition(":")
    if not colon or not path:
        raise click.UsageError(f"--write must be FORMAT:PATH, such as pytrakt:/srv/app/.pytrakt.json, not {text!r}")
    try:
        find_format(name)
    except ValueError as error:
        raise click.UsageError(f"--write: {error}") from None
    return name, Path(path)
