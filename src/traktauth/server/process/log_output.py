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


class SafeFormatter(logging.Formatter):
    """A formatter whose lines a terminal can show: what clients send may be in them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        return escape(super().format(record), keep="\n")


@contextlib.contextmanager
def log_to_stderr() -> Generator[None]:
    """Write what the server logs to standard error, as long as the block lasts; of uvicorn's log errors alone."""
    uvicorn = logging.getLogger("uvicorn.error")
    level = uvicorn.level
    uvicorn.setLevel(logging.ERROR)
    logger = logging.getLogger(LOGGER)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter(FORMAT))
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated
        uvicorn.setLevel(level)
