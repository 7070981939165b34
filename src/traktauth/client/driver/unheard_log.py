"""Messages that an operator must see although the program has set up no logging."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

OWN = "traktauth"
_SERVERS = ("gunicorn.error", "uvicorn.error", "hypercorn.error")  # their loggers show what they are given


def show_unheard(message: str, level: int = logging.WARNING) -> None:
    """Show a message that the logger `traktauth` was given, if the program shows nothing of that logger.

    It is shown in the log of the server that runs the application, else on stderr.
    """
    with suppress(Exception):  # what a handler of the application's raises must not cost a response or a token
        if _is_heard(logging.getLogger(OWN)):
            return
        server = next(filter(_is_heard, map(logging.getLogger, _SERVERS)), None)
        if server is None:
            sys.stderr.write(f"{OWN}: {message}\n")
        else:
            server.log(level, "%s: %s", OWN, message)


def _is_heard(start: logging.Logger) -> bool:
    """Return whether a handler shows the records of a logger."""
    logger: logging.Logger | None = start
    while logger is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False
