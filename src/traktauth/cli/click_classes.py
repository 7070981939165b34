"""Command and group classes for click: examples in the help, and suggestions for mistyped commands."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import click

from traktauth.cli.output import print_text


def show_help(context: click.Context, _parameter: click.Parameter | None = None, *given: object) -> None:
    """Print the help as any other output, and end the command; also as the callback of `--help`, if that is given."""
    if all(given) and not context.resilient_parsing:
        print_text(f"{context.get_help()}\n")
        context.exit()


class _WithHelp(click.Command):
    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = show_help
        return option


class Command(_WithHelp):
    """A command whose help ends with the examples of its docstring, and which knows options that exclude each other.

    Args:
        exclusive: groups of options, such as `--device`, of which at most one may be given.
        settings: as `click.Command` takes them.
    """

    def __init__(self, name: str | None, *, exclusive: Sequence[tuple[str, ...]] = (), **settings: Any) -> None:
        super().__init__(name, **settings)
        self.exclusive = exclusive
        self.help, _, examples = inspect.cleandoc(self.help or "").partition("\n\nExamples:\n")
        self.examples = textwrap.dedent(examples).splitlines()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options."""
        if self.exclusive and not ctx.resilient_parsing:
            _, _, parameters = self.make_parser(ctx).parse_args(list(args))
            given = {name for parameter in parameters for name in parameter.opts}
            for group in self.exclusive:
                together = [name for name in group if name in given]
                if len(together) > 1:
                    raise click.UsageError(f"{' and '.join(together)} cannot be combined", ctx)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Examples"):
            for line in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Group(_WithHelp, click.Group):
    """A group that suggests a command for a mistyped one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called."""
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            raise click.UsageError(describe_unknown("command", name, self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)


def describe_unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a name that does not exist, with a similar one that does."""
    close = get_close_matches(name, list(known), 1, 0.6)
    return f"No such {what} {name!r}.{f' Did you mean {close[0]!r}?' if close else ''}"
