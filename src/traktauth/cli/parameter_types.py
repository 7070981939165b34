"""How the values of options and arguments are read: seconds, formats, and values from a file or standard input."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click


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


def complete_format(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the formats that begin as what was typed."""
    from traktauth.migrate.formats import NAMES  # noqa: PLC0415 - `--help` does without

    return [name for name in NAMES if name.startswith(incomplete)]


def check_format(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    """Return the name of a format.

    Raises:
        BadParameter: the format does not exist.
        FormatError: a login of this program cannot be imported.
    """
    from traktauth.migrate.formats import find_format  # noqa: PLC0415 - `--help` does without

    try:
        find_format(name)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return name


def read_value(option: str, text: str) -> str:
    """Return the value of an option: `@FILE` stands for what a file holds, `-` for a line of standard input.

    Every user of a machine can read the arguments of its processes.

    Args:
        option: for the error message, such as `--database`.
        text: the option's value.

    Raises:
        UsageError: the file cannot be read, or the file or standard input is empty.
    """
    if text != "-" and not text.startswith("@"):
        return text
    try:
        found = sys.stdin.readline() if text == "-" else Path(text[1:]).read_text("utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"{option} {text}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{option} {text}: not UTF-8") from None
    if not found.strip():
        raise click.UsageError(f"{option} {text}: it is empty")
    return found.strip()
