"""The log of a keeper: JSON lines for a program, or timed lines for a user."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from traktauth.cli.log_output import describe_record
from traktauth.cli.output import GOOD, WARNING, Styled, is_on_terminal, print_json, print_message, style
from traktauth.cli.times import format_deadline, format_duration
from traktauth.errors import TraktAuthError
from traktauth.keeper import (
    Delayed,
    Event,
    Expired,
    Expiring,
    Outage,
    Recovered,
    Resumed,
    Stalled,
    Unconfirmed,
    Unsaved,
)

_BAD = style("!", "red")


class EventLog:
    """Writes the events of a keeper; an output that cannot be written never stops a refresh.

    A user reads a line with its time for each event that matters. During an outage, events of single logins are only
    counted; the counts are written when the outage ends.

    Attributes:
        stop: is called when the reader of the log has gone.
        write_error: the error of the first line that could not be written, to be raised at the end.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._outage_counts: Counter[str] | None = None  # None while the service works
        self.stop: Callable[[], None] = lambda: None
        self.write_error: Exception | None = None

    def write_event(self, event: Event) -> None:
        """Write an event; a refresh that succeeded is only written as JSON."""
        if self._as_json:
            self.write_json(event.kind, asdict(event))
            return
        if isinstance(event, Outage) and self._outage_counts is None:
            self._outage_counts = Counter()
        if self._outage_counts is not None and isinstance(event, Delayed | Unconfirmed):
            self._outage_counts[event.kind] += 1
            return
        counts = ""
        if isinstance(event, Recovered):
            counts, self._outage_counts = self._describe_counts(), None
        described = _describe(event)
        if described is not None:
            _print_line(described[0], f"{described[1]}{counts}")

    def write_warning(self, record: logging.LogRecord) -> None:
        """Write a library warning; for a user those about single logins are left out, as events report the same."""
        if self._as_json:
            self.write_json("warning", {"message": record.getMessage()})
        elif "note" not in record.__dict__:
            _print_line(WARNING, describe_record(record))

    def end(self) -> None:
        """Write what was counted during an outage that has not ended."""
        counts = self._describe_counts()
        if counts:
            _print_line(WARNING, f"The service is still failing{counts}")
        self._outage_counts = None

    def write_json(self, name: str, members: dict[str, Any]) -> None:
        """Write a line of JSON."""
        try:
            print_json({"event": name, "at": round(time.time(), 3), **members})
        except BrokenPipeError as error:
            self.write_error = error
            self.stop()
        except TraktAuthError as error:  # tokens are refreshed even if the disk is full
            if self.write_error is None:
                print_message(f"{error.message}; refreshing continues without a log")
            self.write_error = error

    def _describe_counts(self) -> str:
        counts = self._outage_counts or Counter[str]()
        parts = [f"{count} login{'s' if count != 1 else ''} {kind}" for kind, count in counts.items()]
        return f"; meanwhile {', '.join(parts)}" if parts else ""


def _print_line(mark: Styled, text: str) -> None:
    """Write a line with its time; it replaces a line that is rewritten in place."""
    print_message(time.strftime("%H:%M:%S" if is_on_terminal(sys.stderr) else "%Y-%m-%d %H:%M:%S"), mark, text)


def _describe(event: Event) -> tuple[Styled, str] | None:
    """Return what a user reads about an event; None if that is nothing."""
    now = time.time()
    match event:
        case Expired(login, why):
            return _BAD, f"{login.account} is signed out: {why}"
        case Expiring(login, why, good_until):
            deadline = format_deadline(good_until, now)
            return WARNING, f"{login.account} needs a new sign-in; its token is valid until {deadline}: {why}"
        case Unconfirmed(login, why, good_until):
            return WARNING, f"{login.account}: {why}; its token is valid until {format_deadline(good_until, now)}"
        case Unsaved(login, why):
            return _BAD, f"{login.account}: the new token is only in memory, so do not stop this process: {why}"
        case Delayed(login, why, again):
            return WARNING, f"{login.account}: retrying in {format_duration(again - now)}: {why}"
        case Outage(why):
            return _BAD, f"The service is failing ({why}); refreshing pauses until it works again"
        case Recovered(after):
            return GOOD, f"The service works again after {format_duration(after)}"
        case Stalled(why):
            return _BAD, f"The store is failing, retrying every few seconds: {why}"
        case Resumed(after):
            return GOOD, f"The store works again after {format_duration(after)}"
        case _:
            return None
