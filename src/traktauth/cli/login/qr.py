"""An address as a QR code in the terminal."""

from __future__ import annotations

import io
import os
import shutil
import sys

from traktauth.cli.output import Styled

_WHITE_ON_BLACK = "40;97"
_LINES_BELOW = 6  # the address, the code, the link, how long it is valid, the countdown and the cursor


def qr_lines(address: str) -> list[Styled]:
    """Return the lines of a QR code; none where this terminal (stderr) cannot show it whole, with the text below."""
    import segno  # noqa: PLC0415 - only a device sign-in on a terminal draws one

    picture = io.StringIO()
    try:
        segno.make(address, micro=False, error="l").terminal(picture, border=2, compact=True)
    except segno.DataOverflowError:
        return []
    lines = picture.getvalue().splitlines()
    columns, rows = _size()
    if not _shows("█▀▄") or len(lines[0]) > columns or len(lines) + _LINES_BELOW > rows:
        return []
    # A code must be dark on light whatever the terminal's own colours are; most phones read it the other way round too.
    return [Styled(line, _WHITE_ON_BLACK) for line in lines]


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
