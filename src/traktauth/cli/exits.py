"""From an error to an exit status, and to the two lines that a person reads."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click

from traktauth.cli.stream import let_go_of_stdout, paint, say
from traktauth.errors import AppRejected, LoginRequired, TraktAuthError, TryLater

if TYPE_CHECKING:
    from collections.abc import Iterator

DONE = 0
FAILED = 1
USAGE = 2
APP = 3
LOGIN = 4
LATER = 5

_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (LoginRequired, LOGIN),
    (AppRejected, APP),
    (TryLater, LATER),
    (TraktAuthError, FAILED),
    (click.UsageError, USAGE),
    (ValueError, USAGE),
)


class Terminated(BaseException):
    """SIGTERM came; it is raised where the program stands, or after a renewal that is under way."""


def status_of(error: BaseException) -> int:
    """Return the exit status of an error."""
    if isinstance(error, click.exceptions.Abort | EOFError | KeyboardInterrupt | Terminated):
        return USAGE
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), FAILED)


def ended(error: BaseException, *, as_json: bool) -> int:
    """End a command with an error and return the exit status; where nobody reads its output any more, quietly."""
    if isinstance(error, BrokenPipeError):
        let_go_of_stdout()
        return FAILED
    return report(error, as_json=as_json)


def report(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong and what mends it, and return the exit status."""
    kind, message, hint = _described(error)
    if as_json:
        say(json.dumps({"error": kind, "message": message, "hint": hint}))
    else:
        say(f"{paint('Error:', 'red')} {message}")
        if hint:
            say(f"{paint('→', 'cyan')} {hint}")
    return status_of(error)


def _described(error: BaseException) -> tuple[str, str, str]:
    """Return a word for programs, what happened, and what mends it."""
    match error:
        case TraktAuthError():
            return type(error).__name__, error.message, error.hint
        case click.UsageError():
            context = error.ctx
            command = context.command_path if context else "traktauth"
            return "Usage", error.format_message(), f"How it is used: {command} --help"
        case EOFError():
            return (
                "StdinClosed",
                str(error) or "Standard input ended before an answer came",
                ("Give the answer on standard input, or sign in another way: traktauth login --device"),
            )
        case click.exceptions.Abort() | KeyboardInterrupt():
            return "Interrupted", "Interrupted", ""
        case Terminated():
            return "Interrupted", "Ended by SIGTERM", ""
        case ValueError():
            return "Usage", str(error), "Every option and variable: traktauth --help"
        case _:
            return "Unexpected", *_unexpected(error)


def _unexpected(error: BaseException) -> tuple[str, str]:
    """Describe an error that nobody foresaw by its kind and place alone: its words and values may hold secrets."""
    place = next(_places(error), "an unknown place")
    return (
        f"An error that traktauth did not foresee: {type(error).__name__} at {place}",
        "Report this line to the authors of traktauth, with the command that you ran",
    )


def _places(error: BaseException) -> Iterator[str]:
    """Yield where the error passed through this package, the innermost place first."""
    root = Path(__file__).parents[1]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root):
            yield f"{path.relative_to(root).as_posix()}:{frame.lineno}"
