"""`traktauth help`."""

from __future__ import annotations

from typing import cast

import click
from click.shell_completion import CompletionItem

from traktauth.cli.help.click_classes import Command, show_help
from traktauth.cli.help.topics import TOPICS, help_of


def _complete_words(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    names = cast("click.Group", context.find_root().command).list_commands(context)
    return [CompletionItem(n) for n in [*names, *TOPICS] if n.startswith(incomplete)]


@click.command(
    "help",
    cls=Command,
    examples=[
        ("traktauth help login", ""),
        ("traktauth help store move", ""),
        ("traktauth help environment", ""),
        ("traktauth help --man | man -l -", "the whole manual, as a man page"),
        ("traktauth help --man > ~/.local/share/man/man1/traktauth.1", "install it"),
    ],
)
@click.argument("words", nargs=-1, metavar="[COMMAND|TOPIC]", shell_complete=_complete_words)
@click.option("--man", is_flag=True, help="Print the manual of all commands as a man page.")
@click.pass_context
def command(context: click.Context, words: tuple[str, ...], *, man: bool) -> int:
    """Show the help of a command, or of a topic: environment or exit-codes."""
    root_context = context.find_root()
    root = cast("click.Group", root_context.command)
    if man:
        from traktauth.cli.help.man import man_page  # noqa: PLC0415 - only here

        show_help(man_page(root, root_context))
        return 0
    show_help(help_of(root, root_context, words))
    return 0
