"""How a response is printed: as it came into a pipe, readable on a terminal."""

from __future__ import annotations

import json
import re
import sys
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from traktauth.cli.output import print_bytes, print_data, print_text, uses_colour
from traktauth.display import escape
from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from traktauth.client.http import HttpResponse

_JSON_VALUE = re.compile(
    r'(?P<name>"(?:[^"\\]|\\.)*"(?=:))|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<word>[a-zA-Z]+)'
)
_COLOURS = {"name": "blue", "text": "green", "number": "cyan", "word": "magenta"}
_LARGEST_PRETTY = 2 * 1024 * 1024  # bytes; more is printed as it came


def show_head(response: HttpResponse) -> None:
    """Print the status line and the header fields, with an empty line after them."""
    try:
        phrase = HTTPStatus(response.status_code).phrase
    except ValueError:
        phrase = ""
    print_data(f"{response.http_version} {response.status_code} {phrase}".rstrip())
    for name, value in response.headers.multi_items():
        print_data(f"{name}: {value}")
    print_data("")


def show_body(content: bytes) -> None:
    """Print a body: indented and in colour on a terminal, if it is JSON; unchanged into a pipe or file."""
    if sys.stdout is None or not sys.stdout.isatty():  # pyright: ignore[reportUnnecessaryComparison] - closed before us
        print_bytes(content)
        return
    pretty = _indent(content)
    if pretty is None:
        print_bytes(content if content.endswith(b"\n") or not content else content + b"\n")
    else:
        print_text((_highlight(pretty) if uses_colour(sys.stdout) else pretty) + "\n")


def filter_json(content: bytes, expression: str) -> None:
    """Print what a jq expression selects, a line each; texts without quotes, as `jq -r` does.

    Raises:
        TraktAuthError: jq is not installed.
        UsageError: the expression is wrong, or does not fit the body.
    """
    try:
        jq: Any = import_module("jq")  # an extra, and without types
    except ModuleNotFoundError:
        raise TraktAuthError("-q needs jq, which is not installed", hint="pip install 'traktauth[jq]'") from None
    try:
        selected: list[Any] = list(jq.compile(expression).input_text(content.decode("utf-8", "replace")))
    except ValueError as error:
        raise click.UsageError(f"-q {escape(expression)}: {escape(str(error).splitlines()[0])}") from None
    terminal = sys.stdout.isatty()
    for each in selected:
        text = each if isinstance(each, str) else json.dumps(each, ensure_ascii=False)
        print_text((escape(text, keep="\n\t") if terminal else text) + "\n")


def _indent(content: bytes) -> str | None:
    """Return JSON with an indentation, safe for a terminal; None if it is not JSON, or too large to be read anyway."""
    if len(content) > _LARGEST_PRETTY:
        return None
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return escape(json.dumps(document, indent=2, ensure_ascii=False), keep="\n")


def _highlight(text: str) -> str:
    """Return indented JSON with a colour for each kind of value."""
    return _JSON_VALUE.sub(lambda found: click.style(found[0], fg=_COLOURS[str(found.lastgroup)]), text)
