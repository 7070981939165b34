"""Output of library log records: warnings for a user, unexpected errors for a program."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from traktauth.cli.output import WARNING, print_message, print_message_json


class Handler(logging.Handler):
    """Gives each record to a function."""

    def __init__(self, level: int, write: Callable[[logging.LogRecord], None]) -> None:
        super().__init__(level)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Give the record to the function."""
        self._write(record)


def _print_warning(record: logging.LogRecord) -> None:
    print_message(WARNING, describe_record(record))


def _print_json(record: logging.LogRecord) -> None:
    print_message_json({"level": record.levelname.lower(), "message": describe_record(record)})


def describe_record(record: logging.LogRecord) -> str:
    """Return a record's message, with the type and location of an error; the error's own text may hold a secret."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return str(record.__dict__.get("note") or record.getMessage())
    return f"{record.getMessage()}: {type(error).__name__} at {locate(error)}"


def locate(error: BaseException) -> str:
    """Return the innermost location in this package that an error passed through: `models/app.py:12`."""
    root = Path(__file__).parents[1]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root):
            return f"{path.relative_to(root).as_posix()}:{frame.lineno}"
    return "an unknown location"


@contextmanager
def show_warnings(*, as_json: bool) -> Generator[None]:
    """Print the library's warnings while a command runs; with `as_json` only unexpected errors."""
    with handling(Handler(logging.ERROR, _print_json) if as_json else Handler(logging.WARNING, _print_warning)):
        yield


@contextmanager
def handling(handler: Handler) -> Generator[None]:
    """Send the library's records to this handler, and to no other one of the command line."""
    logger = logging.getLogger("traktauth")
    replaced = [each for each in logger.handlers if isinstance(each, Handler)]
    for each in replaced:
        logger.removeHandler(each)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        for each in replaced:
            logger.addHandler(each)


@contextmanager
def suppress_warnings() -> Generator[None]:
    """Suppress library warnings; the command reports the same facts itself."""
    logger = logging.getLogger("traktauth")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
