"""What the options say that most commands share: which login a command is about, and whether it prints JSON."""

from __future__ import annotations

import shlex
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from traktauth.cli.command_hints import COMMAND_HINTS, describe_missing_login
from traktauth.client.settings import Settings, read_settings
from traktauth.errors import AppInvalid, AppRejected, LoginRequired, TraktAuthError
from traktauth.hints import SETUP_COMMAND, Hint, ShellCommand
from traktauth.models import LoginKey
from traktauth.protocol import APPS_PAGE
from traktauth.stores.open import without_password

if TYPE_CHECKING:
    from traktauth.client.sync_client import Trakt  # it imports the flows, which `traktauth token` does without

_SECRET_ERRORS = {"invalid_client", "unauthorized_client"}


@contextmanager
def naming_settings() -> Generator[None]:
    """Name the page about settings in an error for a setting that has no such value."""
    try:
        yield
    except ValueError as error:
        error.add_note(Hint("See: ", ShellCommand("traktauth help environment")))
        raise


@dataclass(frozen=True, slots=True)
class CommonOptions:
    """The values of the shared options; None for one that was not given."""

    account: str | None = None
    service: str | None = None
    store: str | None = None
    json: bool = False

    def settings(self) -> Settings:
        """Return the settings: options win over the environment, the environment over the file.

        Raises:
            ValueError: a setting is invalid.
        """
        with naming_settings():
            return read_settings(account=self.account, service=self.service, store=self.store)

    @property
    def flags(self) -> str:
        """The options that were given, for another command: with a leading space, and without passwords."""
        given = {"account": self.account, "service": self.service, "store": self._shown_store}
        return "".join(f" --{name} {shlex.quote(value)}" for name, value in given.items() if value is not None)

    @property
    def _shown_store(self) -> str | None:
        return None if self.store is None else without_password(self.store)

    def for_login(self, login: LoginKey, settings: Settings) -> CommonOptions:
        """Return options that name another login of this store."""
        account = self.account if login.account == settings.account else login.account
        service = self.service if login.realm == settings.find_service().realm else login.realm
        return replace(self, account=account, service=service)

    @contextmanager
    def trakt(self) -> Generator[Trakt]:
        """Open the login; a command in an error's hint is given the options that name this login.

        Raises:
            TraktAuthError: the app is invalid, or the caller's block raised it.
            ValueError: a setting is invalid.
        """
        from traktauth.client.sync_client import Trakt  # noqa: PLC0415 - `status` and --help do without

        settings = self.settings()
        with self.adding_flags(), naming_settings():
            client = Trakt(settings.app(), **settings.trakt_arguments())
        with self.adding_flags(), client as trakt:
            try:
                yield trakt
            except LoginRequired as error:
                if error.reason == "never":
                    describe_missing_login(error, trakt)
                raise
            except AppRejected as error:
                refused = error.error in _SECRET_ERRORS and not isinstance(error, AppInvalid)
                if refused and trakt.config.app.client_secret is None:
                    error.message = f"{error.message}; no secret is set"
                    error.hint = Hint(
                        f"If the app has a secret, set TRAKTAUTH_CLIENT_SECRET to it (see {APPS_PAGE}), or: ",
                        SETUP_COMMAND,
                    )
                raise

    @contextmanager
    def adding_flags(self) -> Generator[None]:
        """Add the options that were given to commands in the hint of an error, so that they can be copied."""
        try:
            yield
        except TraktAuthError as error:
            error.hint = self.with_flags(error.hint_from(COMMAND_HINTS))
            raise

    def with_flags(self, hint: str) -> str:
        """Return a hint whose commands name this login and store."""
        return hint.with_commands(self.command) if isinstance(hint, Hint) else hint

    def command(self, command: ShellCommand) -> ShellCommand:
        """Return a command with those of the given options that it takes."""
        store = None if self.store is None else shlex.quote(self._shown_store or "")
        match command.options:
            case "login":
                name = f"{command.name}{self.flags}"
            case "all-logins":
                name = f"{command.name}{replace(self, account=None).flags}"
            case "store" if store is not None:
                name = f"{command.name} --store {store}"
            case "source" if store is not None:
                name = f"{command.name.removesuffix('FROM')}{store}"
            case _:
                return command
        return command._replace(name=name)
