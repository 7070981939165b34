"""The library's log, as far as the command's user should see it."""

from __future__ import annotations

import json
import logging
import os
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from traktauth.cli.stream import paint, say

if TYPE_CHECKING:
    from collections.abc import Generator


class _Said(logging.Handler):
    """Says a warning on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it in one line."""
        say(f"{paint('!', 'yellow')} {_told(record)}")


class _Written(logging.Handler):
    """Writes a fault of our own on stderr, as a line of JSON."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write it."""
        say(json.dumps({"level": record.levelname.lower(), "message": _told(record)}))


def _told(record: logging.LogRecord) -> str:
    """Give a record's message, and of an error its kind and place: what the error says may hold a secret."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return record.getMessage()
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}traktauth{os.sep}" in frame.filename] or frames
    place = f", {ours[-1].filename.rpartition(f'{os.sep}traktauth{os.sep}')[2]} line {ours[-1].lineno}" if ours else ""
    return f"{record.getMessage()}: {type(error).__name__}{place}"


@contextmanager
def warnings_said(*, as_json: bool) -> Generator[None]:
    """Say the library's warnings while a command runs; to a program only faults of our own and the error are said."""
    logger = logging.getLogger("traktauth")
    handler = _Written(logging.ERROR) if as_json else _Said(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def warnings_hushed() -> Generator[None]:
    """Say none of the library's warnings: what they tell is told in other words."""
    logger = logging.getLogger("traktauth")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
