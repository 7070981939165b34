"""The argument FORMAT of `traktauth import` and `export`."""

from __future__ import annotations

import click


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
