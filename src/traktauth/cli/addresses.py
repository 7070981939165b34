"""Store addresses from a variable, a file or stdin instead of the arguments, which other users can read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

_VARIABLE = "env:"


def read_address(text: str) -> str:
    """Return the address that an argument refers to.

    Args:
        text: `env:NAME` for a variable, `@PATH` for the first line of a file, `-` for a line of standard input, or the
            address itself.

    Raises:
        UsageError: the variable, file or line does not exist.
    """
    if text.startswith(_VARIABLE):
        name = text.removeprefix(_VARIABLE)
        address, where = os.environ.get(name, ""), f"The variable {name or 'after env:'}"
    elif text.startswith("@"):
        where = f"The file {text[1:]}"
        try:
            address = Path(text[1:]).expanduser().read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError) as error:
            raise click.UsageError(f"{where} cannot be read: {getattr(error, 'strerror', error)}") from None
    elif text == "-":
        address, where = sys.stdin.readline(), "Standard input"
    else:
        return text
    lines = address.strip().splitlines()
    if not lines:
        raise click.UsageError(f"{where} holds no address")
    return lines[0].strip()
