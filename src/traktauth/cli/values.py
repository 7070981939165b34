"""Option values with a password, from a file or stdin instead of the arguments, which other users can read."""

from __future__ import annotations

import sys
from pathlib import Path

import click


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
