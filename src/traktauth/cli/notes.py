"""The library's log, as far as the command's user should see it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from traktauth.cli.stream import paint, say

if TYPE_CHECKING:
    from collections.abc import Generator


class _Said(logging.Handler):
    """Says a warning on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it in one line."""
        say(f"{paint('!', 'yellow')} {record.getMessage()}")


@contextmanager
def warnings_said(*, as_json: bool) -> Generator[None]:
    """Say the library's warnings while a command runs; to a program nothing but the error is said."""
    logger = logging.getLogger("traktauth")
    handler = logging.NullHandler() if as_json else _Said(logging.WARNING)
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
