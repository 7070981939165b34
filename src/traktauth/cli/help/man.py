"""The man page: the help of every command, written in the `man` macros."""

from __future__ import annotations

import inspect
import os
import re
import time
from typing import TYPE_CHECKING

import click

from traktauth._version import __version__
from traktauth.cli.help.click_classes import Command
from traktauth.cli.help.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUMMARY = "sign in to Trakt once, and never lose the login"


def man_page(root: click.Group, context: click.Context) -> str:
    """Return the man page; its date is SOURCE_DATE_EPOCH, or today."""
    at = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    date = time.strftime("%Y-%m-%d", time.gmtime(at))
    lines = [f'.TH TRAKTAUTH 1 {date} "traktauth {__version__}"', ".SH NAME", f"traktauth \\- {_SUMMARY}"]
    lines += [".SH SYNOPSIS", ".B traktauth", "\\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]", ".SH COMMANDS"]
    for command, its_context in _commands(root, context):
        lines += _command(command, its_context)
    for name, (_, text) in TOPICS.items():
        lines += [f".SH {name.replace('-', ' ').upper()}", *_verbatim(text)[1:]]
    return "\n".join(lines)


def _commands(group: click.Group, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield each command that has no subcommands, with its context."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _commands(command, inner)
        else:
            yield command, inner


def _command(command: click.Command, context: click.Context) -> list[str]:
    words = " ".join(command.collect_usage_pieces(context))
    lines = [f".SS {_text(context.command_path)}", f"\\fB{_text(context.command_path)}\\fR {_text(words)}"]
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    for paragraph in paragraphs:
        lines += [".PP", *(_verbatim(paragraph[2:]) if paragraph.startswith("\b") else [_text(paragraph)])]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            lines += [".TP", f"\\fB{_text(record[0])}\\fR", _text(record[1])]
    if isinstance(command, Command) and command.examples:
        lines += [".PP", "Examples:"]
        for line, meaning in command.examples:
            lines += _verbatim(f"# {meaning}\n{line}" if meaning else line)
    return lines


def _verbatim(text: str) -> list[str]:
    return [".PP", ".nf", *(_text(line, flow=False) for line in text.rstrip("\n").split("\n")), ".fi"]


def _text(text: str, *, flow: bool = True) -> str:
    """Return a text with backslashes, hyphens, quotes and a leading dot escaped for the macros."""
    if flow:
        text = re.sub(r"\s+", " ", text).strip()
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped
