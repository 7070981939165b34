"""The options that most commands share, and the login that they name."""

from __future__ import annotations

import functools
import re
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from traktauth.client.settings import Settings, read_settings
from traktauth.errors import TraktAuthError
from traktauth.stores.passwords import without_password

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from traktauth.client.blocking import Trakt
    from traktauth.models import Login

P = ParamSpec("P")
_COMMAND = re.compile(r"traktauth (login|refresh|logout|status|doctor|store reseal|store move( FROM)?)\b")


@dataclass(frozen=True, slots=True)
class Place:
    """Which login a command is about, as far as its flags say, and whether a program reads the answer."""

    account: str | None
    service: str | None
    store: str | None
    json: bool

    def settings(self) -> Settings:
        """Return the settings: flags, then the environment, then the file.

        Raises:
            ValueError: one of them makes no sense.
        """
        return read_settings(account=self.account, service=self.service, store=self.store)

    @property
    def flags(self) -> str:
        """The flags that were given, as another command takes them; with a blank before, and without passwords."""
        given = {"account": self.account, "service": self.service, "store": self._shown_store}
        return "".join(f" --{name} {shlex.quote(value)}" for name, value in given.items() if value is not None)

    @property
    def _shown_store(self) -> str | None:
        return None if self.store is None else without_password(self.store)

    def about(self, login: Login) -> Place:
        """Return the place whose flags name another login of this store."""
        return self if self.account is not None or login.account == "default" else replace(self, account=login.account)

    @contextmanager
    def trakt(self) -> Generator[Trakt]:
        """Open the login; an error's hint names a command that is about this very login.

        Raises:
            TraktAuthError: the app, or what was done with the login, failed.
            ValueError: a setting makes no sense.
        """
        from traktauth.client.blocking import Trakt  # noqa: PLC0415 - `status` and --help do without

        settings = self.settings()
        with self.hints(), Trakt(settings.app(), **settings.place()) as trakt:
            yield trakt

    @contextmanager
    def hints(self) -> Generator[None]:
        """Add the flags that were given to the commands in an error's hint, so that it can be run as it stands."""
        try:
            yield
        except TraktAuthError as error:
            error.hint = self.aim(error.hint)
            raise

    def aim(self, hint: str) -> str:
        """Return a hint whose commands are about this very login and store."""
        return _COMMAND.sub(self._aimed, hint)

    def _aimed(self, found: re.Match[str]) -> str:
        """Return one command; those for a whole store take no account."""
        store = self._shown_store
        match found[1].split():
            case ["store", "move", *rest]:
                return (
                    found[0] if store is None else f"traktauth store move {shlex.quote(store)}{'' if rest else ' TO'}"
                )
            case ["store", _]:
                return found[0] if store is None else f"{found[0]} --store {shlex.quote(store)}"
            case _:
                return f"{found[0]}{self.flags}"


def placed(command: Callable[Concatenate[Place, P], int]) -> Callable[P, int]:
    """Give a command the shared options; it gets them as a `Place`."""

    @click.option("--account", metavar="NAME", help="Your own name for the account (default: default).")
    @click.option("--service", metavar="NAME|URL", help="trakt, auth.trakt.tv, staging, or a base address.")
    @click.option("--store", metavar="ADDRESS", help="Where logins rest: file:, file:/PATH.json, …")
    @click.option("--json", "as_json", is_flag=True, help="Answer, and fail, in JSON.")
    @functools.wraps(command)
    def with_place(*arguments: P.args, **options: P.kwargs) -> int:
        account, service, store, as_json = (options.pop(n) for n in ("account", "service", "store", "as_json"))
        place = Place(_text(account), _text(service), _text(store), json=bool(as_json))
        return command(place, *arguments, **options)

    return with_place


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
