"""Options that several commands share, as click decorators; their names and help texts are in `common_options`."""

from __future__ import annotations

import functools
import math
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from traktauth.cli.common_options import COMMON_OPTIONS, MIN_LIFE, CommonOptions
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from click.shell_completion import CompletionItem


P = ParamSpec("P")


class Seconds(click.ParamType[float]):
    """A number of seconds, finite and not negative."""

    name = "seconds"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            seconds = float(str(value))
        except ValueError:
            seconds = -1.0
        if not math.isfinite(seconds) or seconds < 0:
            self.fail(f"{value!r} is not a number of seconds, such as 3600", param, ctx)
        return seconds


min_life_option = click.option(MIN_LIFE.flag, type=Seconds(), default=0.0, metavar=MIN_LIFE.metavar, help=MIN_LIFE.help)


json_option = click.option("--json", "as_json", is_flag=True, help=COMMON_OPTIONS["json"].help)
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

    def decorate(command: Callable[Concatenate[CommonOptions, P], int]) -> Callable[P, int]:
        @functools.wraps(command)
        def with_common_options(*arguments: P.args, **keywords: P.kwargs) -> int:
            values = {name: keywords.pop(name, None) for name in COMMON_OPTIONS}
            return command(CommonOptions.from_values(values), *arguments, **keywords)

        decorated: Callable[P, int] = with_common_options
        for name in reversed(names or tuple(COMMON_OPTIONS)):  # click shows the last one that is added first
            spec = COMMON_OPTIONS[name]
            decorated = click.option(
                spec.flag,
                name,
                is_flag=not spec.metavar,
                metavar=spec.metavar or None,
                help=spec.help,
                shell_complete=_completion_of(name) if spec.metavar else None,
            )(decorated)
        return decorated

    return decorate


def _completion_of(name: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return the function that completes an option's value; its module is imported when a shell asks."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from traktauth.cli import completion  # noqa: PLC0415 - see above

        items: list[CompletionItem] = getattr(completion, f"complete_{name}")(context, parameter, incomplete)
        return items

    return complete


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
