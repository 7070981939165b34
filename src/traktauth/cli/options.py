"""Options that several commands share, as click decorators."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import click

from traktauth.cli.common_options import CommonOptions
from traktauth.cli.completion import complete_account, complete_service, complete_store
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand

P = ParamSpec("P")


def parse_seconds(value: str | float) -> float:
    """Return a number of seconds, finite and not negative.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not math.isfinite(seconds) or seconds < 0:
        raise click.BadParameter(f"{value!r} is not a number of seconds, such as 3600")
    return seconds


_OPTIONS = {
    "account": click.option(
        "--account",
        metavar="NAME",
        help="Your own name for the account (default: default).",
        shell_complete=complete_account,
    ),
    "service": click.option(
        "--service",
        metavar="NAME|URL",
        help="trakt, auth.trakt.tv, staging, or a base address.",
        shell_complete=complete_service,
    ),
    "store": click.option(
        "--store",
        metavar="ADDRESS",
        help="Where logins are kept, such as file: or sqlite:/PATH.",
        shell_complete=complete_store,
    ),
    "json": click.option("--json", is_flag=True, help="JSON output, for errors too."),
}
json_option = click.option("--json", "as_json", is_flag=True, help="JSON output, for errors too.")
min_life_option = click.option(
    "--min-life", type=parse_seconds, default=0.0, metavar="SECONDS", help="Minimum remaining lifetime of the token."
)
profile_option = click.option(
    "--profile",
    type=click.Choice(["current", "classic"]),
    default="current",
    show_default=True,
    help="Behave as Trakt does today, or as it did until July 2026.",
)
home_option = click.option(
    "--home",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder whose copy is the program's HOME.",
)


def common_options(*names: str) -> Callable[[Callable[Concatenate[CommonOptions, P], int]], Callable[P, int]]:
    """Return a decorator that adds shared options to a command and passes them on as one `CommonOptions`.

    Args:
        names: those that the command acts on, of `account`, `service`, `store` and `json`; none: all.
    """
    names = names or tuple(_OPTIONS)

    def decorate(command: Callable[Concatenate[CommonOptions, P], int]) -> Callable[P, int]:
        @functools.wraps(command)
        def with_common_options(*arguments: P.args, **keywords: P.kwargs) -> int:
            given: dict[str, Any] = {name: keywords.pop(name) for name in names}
            return command(CommonOptions(**given), *arguments, **keywords)

        decorated: Callable[P, int] = with_common_options
        for name in reversed(names):  # click shows the last one that is added first
            decorated = _OPTIONS[name](decorated)
        return decorated

    return decorate


@contextmanager
def needing_extra(what: str, extra: str) -> Generator[None]:
    """Name the extra that installs what a command imports; a module of our own that is missing is a fault."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("traktauth"):
            raise
        install = ShellCommand(f"pip install 'traktauth[{extra}]'")
        raise TraktAuthError(
            f"The packages of {what} are not installed", hint=Hint("Install them: ", install)
        ) from None
