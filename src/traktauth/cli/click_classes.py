"""Command and group classes for click: examples in the help, and suggestions for mistyped commands."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from traktauth.cli.output import print_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def show_help(text: str) -> None:
    """Print a help text, or another text of several lines that needs no escaping."""
    print_text(f"{text}\n")


class _HelpMixin(click.Command):
    """A command whose `--help` prints through `print_text`."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return the option; its output replaces characters that the terminal cannot show."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_and_exit
        return option


def _show_and_exit(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    if value and not context.resilient_parsing:
        show_help(context.get_help())
        context.exit()


class Command(_HelpMixin):
    """A command whose help ends with examples, and which knows its options that exclude each other.

    Args:
        arguments: as `click.Command` takes them.
        examples: pairs of a command line and a short comment, which may be empty.
        exclusive: groups of options, such as `--device`, of which at most one may be given.
        options: as `click.Command` takes them.
    """

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401 - passed on
        examples: Sequence[tuple[str, str]] = (),
        exclusive: Sequence[tuple[str, ...]] = (),
        **options: Any,  # noqa: ANN401 - passed on
    ) -> None:
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)
        self.exclusive = tuple(exclusive)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options.

        Raises:
            UsageError: two options exclude each other.
        """
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
        if self.examples:
            with formatter.section("Examples"):
                for line, meaning in self.examples:
                    if meaning:
                        formatter.write(f"{'':>{formatter.current_indent}}# {meaning}\n")
                    for part in line.splitlines():
                        formatter.write(f"{'':>{formatter.current_indent}}{part}\n")


class Group(_HelpMixin, click.Group):
    """A group that suggests a command for a mistyped one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called.

        Raises:
            UsageError: the command does not exist; the message suggests a similar one.
        """
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            raise click.UsageError(describe_unknown("command", name, self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, each with the first sentence of its help."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, each.get_short_help_str(limit=1000)) for name, each in commands if each is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def describe_unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a name that does not exist, with a similar one that does."""
    close = get_close_matches(name, list(known), 1, 0.6)
    return f"No such {what} {name!r}.{f' Did you mean {close[0]!r}?' if close else ''}"
