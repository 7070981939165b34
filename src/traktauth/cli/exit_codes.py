"""Map errors to exit codes and to the two lines (or one line of JSON) that report them."""

from __future__ import annotations

import signal
import sys
from http import HTTPStatus

import click

from traktauth.cli.command_hints import command_hint
from traktauth.cli.log_output import locate
from traktauth.cli.output import ERROR, NEXT, discard_stdout, is_on_terminal, print_message, print_message_json
from traktauth.errors import AppRejected, LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.hints import LOGIN_COMMAND, Hint

DONE = 0
FAILED = 1
USAGE = 2
APP = 3
LOGIN = 4
LATER = 5
NOT_JUDGED = 6

EXIT_CODES_HELP = """\
  0   done
  1   failed: the store, an unexpected response, a sign-in that was denied or
      has expired, anything else
  2   wrong usage, Ctrl-C, or standard input was closed
  3   the app was rejected: its id, secret or redirect address
  4   a sign-in is required: traktauth login
  5   try later: the service is busy or cannot be reached
  6   traktauth lab did not judge the program

Data goes to standard output, messages and errors to standard error. With
--json an error is one line of JSON on standard error:
  {"error": "LoginRequired", "code": "login-revoked", "message": "...",
   "hint": "..."}
traktauth exec and sandbox end with the status of the command that they run;
serve and keep end with 0 after Ctrl-C, SIGTERM or SIGHUP.
"""
"""What `traktauth help exit-codes` prints."""

_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (LoginRequired, LOGIN),
    (AppRejected, APP),
    (TryLater, LATER),
    (TraktAuthError, FAILED),
    (ValueError, USAGE),
)


class Terminated(BaseException):
    """SIGTERM or SIGHUP was received; raised at once, or after the refresh that is in progress."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal_name = signal.Signals(number).name


def ending_signals() -> list[signal.Signals]:
    """Return the signals that end a command: SIGTERM, and SIGHUP of a terminal that was closed unless it is ignored."""
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
    ignored = hangup is None or signal.getsignal(hangup) is signal.SIG_IGN  # as `nohup` does
    return [signal.SIGTERM, *([] if hangup is None or ignored else [hangup])]


def phrase(status: int) -> str:
    """Return the standard's phrase for a status; the sender may write anything there."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def exit_code_for(error: BaseException) -> int:
    """Return the exit code of an error."""
    if isinstance(error, click.UsageError | EOFError | KeyboardInterrupt | Terminated):
        return USAGE
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), FAILED)


def end_with_error(error: BaseException, *, as_json: bool) -> int:
    """Report the error that ended a command and return the exit code; a closed pipe is not reported."""
    if isinstance(error, BrokenPipeError):
        discard_stdout()
        return FAILED
    return report(error, as_json=as_json)


def report(error: BaseException, *, as_json: bool) -> int:
    """Print an error with its hint, and return the exit code."""
    left_line_open = isinstance(error, KeyboardInterrupt | click.Abort)  # after ^C, or a question
    if isinstance(error, click.Abort):
        ended = EOFError("The input ended before the question was answered; nothing was changed")
        error = ended if isinstance(error.__context__, EOFError) else KeyboardInterrupt()
    kind, message, hint = _describe(error)
    members: dict[str, object] = {"temporary": error.temporary} if isinstance(error, StoreFailed) else {}
    if isinstance(error, TraktAuthError):
        members["code"] = error.code
    if left_line_open and not as_json and is_on_terminal(sys.stderr):
        print_message("")
    print_error(kind, message, hint, as_json=as_json, **members)
    return exit_code_for(error)


def print_error(kind: str, message: str, hint: str, *, as_json: bool, **members: object) -> None:
    """Print an error with its hint; *kind* and *members* are for programs."""
    if as_json:
        print_message_json({"error": kind, "message": message, "hint": hint, **members})
        return
    print_message(ERROR, message)
    if hint:
        print_message(NEXT, hint)


def _describe(error: BaseException) -> tuple[str, str, str]:
    """Return an error's name for programs, its message and its hint."""
    match error:
        case TraktAuthError():
            return type(error).__name__, error.message, command_hint(error)
        case click.UsageError():
            context = error.ctx
            command = context.command_path if context else "traktauth"
            message = " ".join(error.format_message().split())  # click lists choices on lines of their own
            return "Usage", message, _note(error) or f"See: {command} --help"
        case EOFError():
            return (
                "StdinClosed",
                str(error) or "Standard input was closed before an answer was read",
                _note(error)
                or Hint("Answer on standard input, or sign in another way: ", LOGIN_COMMAND.with_arguments("--device")),
            )
        case KeyboardInterrupt():
            return "Interrupted", "Interrupted", _note(error)
        case Terminated():
            return "Interrupted", f"Ended by {error.signal_name}", _note(error)
        case ValueError():
            return "Usage", str(error), _note(error) or "See: traktauth --help"
        case _:
            return (  # its text may hold secrets
                "Unexpected",
                f"Unexpected error: {type(error).__name__} at {locate(error)}",
                "This is a bug in traktauth: report this line and the command that you ran",
            )


def _note(error: BaseException) -> str:
    """Return the hint that a command has added to an error of another library; empty without one."""
    return next(iter(getattr(error, "__notes__", ())), "")
