"""What the server logs, on standard error."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING

from traktauth.display import escape

if TYPE_CHECKING:
    from collections.abc import Generator

LOGGER = "traktauth.server"
FORMAT = "%(asctime)s %(message)s"
FORMAT_OF_SEVERAL = "%(asctime)s [%(process)d] %(message)s"


class SafeFormatter(logging.Formatter):
    """A formatter whose lines a terminal can show: what clients send may be in them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        return escape(super().format(record), keep="\n")


@contextlib.contextmanager
def log_to_stderr(*, processes: int) -> Generator[None]:
    """Write what the server logs to standard error, as long as the block lasts.

    Args:
        processes: how many processes write; the lines of several name theirs.
    """
    logger = logging.getLogger(LOGGER)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter(FORMAT if processes == 1 else FORMAT_OF_SEVERAL))
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated
