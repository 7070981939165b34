"""An address as a QR code in the terminal."""

from __future__ import annotations

import io
import os
import shutil
import sys

from traktauth.cli.stream import coloured

_WHITE_ON_BLACK = "\x1b[40;97m"
_RESET = "\x1b[0m"


def qr_lines(address: str) -> list[str]:
    """Return the lines of a QR code; none where this terminal (stderr) cannot show it whole."""
    import segno  # noqa: PLC0415 - only a device sign-in on a terminal draws one

    picture = io.StringIO()
    segno.make(address, micro=False, error="l").terminal(picture, border=2, compact=True)
    lines = picture.getvalue().splitlines()
    columns, rows = _size()
    if not _shows("█▀▄") or len(lines[0]) > columns or len(lines) + 8 > rows:
        return []
    # A code must be dark on light whatever the terminal's own colours are; most phones read it the other way round too.
    return [f"{_WHITE_ON_BLACK}{line}{_RESET}" for line in lines] if coloured(sys.stderr) else lines


def _size() -> tuple[int, int]:
    """Return the columns and rows of the terminal behind stderr, as stdout may be a pipe."""
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        size = shutil.get_terminal_size()
    return size.columns or 80, size.lines or 24


def _shows(characters: str) -> bool:
    try:
        characters.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
