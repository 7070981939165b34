"""`traktauth explain`."""

from __future__ import annotations

import re
import sys

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.exit_codes import FAILED
from traktauth.cli.options import json_option
from traktauth.cli.output import print_data, print_hint, print_json
from traktauth.errors import TraktAuthError
from traktauth.explain import explain, load_entries
from traktauth.hints import Hint, ShellCommand

MAX_INPUT = 16 * 1024 * 1024
"""Of a longer log the end is read."""
MAX_SHOWN = 3
MIN_LINE = 40


OPTION = re.compile(r"-[a-z]|--[a-z-]{1,20}(=.*)?", re.DOTALL)
"""What can be an option; any other word is text, also if it begins with `-` as lines of logs do."""


class ExplainCommand(Command):
    """A command whose text may begin with `-`: a message about an unknown option would show it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options, wherever they are, and leave everything else as text."""
        at = args.index("--") if "--" in args else len(args)
        options = [word for word in args[:at] if OPTION.fullmatch(word)]
        texts = [word for word in args[:at] if not OPTION.fullmatch(word)]
        return super().parse_args(ctx, [*options, "--", *texts, *args[at + 1 :]])


@click.command("explain", cls=ExplainCommand)
@json_option
@click.argument("words", nargs=-1, metavar="[TEXT | -]")
def command(*, as_json: bool, words: tuple[str, ...]) -> int:
    """Explain an error of Trakt or of a program that uses it: its cause, the fix, a page about it.

    TEXT is a line of a log or a response; - reads it from standard input. Nothing is sent, and TEXT is never printed.
    Without TEXT all entries are listed. The exit status is 1 if TEXT contains no known error.

    Examples:
        traktauth explain 'invalid_grant: session not found'
        traktauth explain - < sync.log  # the last lines of a log
        traktauth explain rate-limit  # by the name in a hint
        traktauth explain  # list the entries
    """
    if not words and not as_json:
        for entry in load_entries():
            print_data(f"{entry.id}: {entry.cause.partition('. ')[0].rstrip('.')}", hanging=2)
        return 0
    found = explain(_read(words)) if words else list(load_entries())
    if as_json:
        print_json([{"id": one.id, "cause": one.cause, "fix": one.fix, "page": one.source} for one in found])
        return 0 if found else FAILED
    if not found:
        raise TraktAuthError(
            "No known error in this text",
            hint=Hint(
                "Give the lines before it as well, with the status and the response's body: ",
                ShellCommand("traktauth explain - < LOG"),
            ),
        )
    for one in found[:MAX_SHOWN]:
        print_data(f"{one.id}: {one.cause}", hanging=2)
        parts = enumerate(one.fix.split("`"))
        print_hint(Hint(*(ShellCommand(f"`{part}`") if number % 2 else part for number, part in parts)))
        print_data(one.source, indent=2)
    if len(found) > MAX_SHOWN:
        print_data(f"Less likely: {', '.join(one.id for one in found[MAX_SHOWN:])}")
    return 0


def _read(words: tuple[str, ...]) -> str:
    """Return the text."""
    if words != ("-",):
        return " ".join(words)
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - closed
        raise click.UsageError("standard input is closed", click.get_current_context(silent=True))
    end = b""
    while block := sys.stdin.buffer.read(MAX_INPUT):
        end = (end + block)[-MAX_INPUT:]
    return end.decode("utf-8", "replace")
