"""What a keeper tells: JSON lines for a log, words for a person, one line on a terminal."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from traktauth.cli.durations import in_words, until
from traktauth.cli.progress import is_terminal
from traktauth.cli.stream import emit_json, paint, say, say_in_place
from traktauth.errors import StoreFailed, TraktAuthError
from traktauth.keeper import (
    Dead,
    Delayed,
    Dying,
    Outage,
    Recovered,
    Resumed,
    Stalled,
    Unconfirmed,
    Unsaved,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from traktauth.keeper import Event, Keeper, Summary

_COUNT_DUE_EVERY = 10  # seconds; in a large store it is not for nothing


class Log:
    """Writes events, and lets no listener's trouble stop a renewal.

    Args:
        as_json: whether a program reads this.

    Attributes:
        stop: is called where nobody reads any more.
        unwritten: what befell the first line that could not be written; to be raised at the end.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.stop: Callable[[], None] = lambda: None
        self.unwritten: Exception | None = None

    def tell(self, event: Event) -> None:
        """Write an event; renewals without trouble are for programs alone."""
        if self._as_json:
            self.write(type(event).__name__.lower(), asdict(event))
        else:
            tell_person(event)

    def write(self, name: str, members: dict[str, Any]) -> None:
        """Write a line of JSON."""
        try:
            emit_json({"event": name, "at": round(time.time(), 3), **members})
        except BrokenPipeError as error:
            self.unwritten = error
            self.stop()
        except TraktAuthError as error:  # a full disk is no reason to let logins end
            if self.unwritten is None:
                say(f"{error.message}; renewals go on without a log")
            self.unwritten = error


class Warned(logging.Handler):
    """Writes the library's warnings into a log that a program reads.

    Args:
        log: where to.
    """

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        self._log.write("warning", {"message": record.getMessage()})


@contextmanager
def warnings_in(log: Log) -> Generator[None]:
    """Write the library's warnings into a log meanwhile."""
    logger, handler = logging.getLogger("traktauth"), Warned(log)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def tell_person(event: Event) -> None:
    """Say an event that a person should know of."""
    text = _words(event)
    if text:
        colour = "red" if isinstance(event, Dead | Outage | Unsaved | Stalled) else "yellow"
        well = isinstance(event, Recovered | Resumed)
        say(f"{paint('✓', 'green') if well else paint('!', colour)} {text}")


def _words(event: Event) -> str:
    now = time.time()
    match event:
        case Dead(login, why):
            return f"{login.account} is signed out: {why}"
        case Dying(login, why, good_until):
            return f"{login.account} needs a new sign-in; its token is good until {until(good_until, now)}: {why}"
        case Unconfirmed(login, why, good_until):
            return f"{login.account}: {why}; its token is good until {until(good_until, now)}"
        case Unsaved(login, why):
            return f"{login.account}: its new pair could not be saved and is held here, do not kill this: {why}"
        case Delayed(login, why, again):
            return f"{login.account} is tried again in {in_words(again - now)}: {why}"
        case Outage(why):
            return f"The service fails ({why}); nothing is renewed until it answers"
        case Recovered(after):
            return f"The service answers again after {in_words(after)}"
        case Stalled(why):
            return f"The store fails, and is asked again every few seconds: {why}"
        case Resumed(after):
            return f"The store works again after {in_words(after)}"
        case _:
            return ""


async def show_progress(keeper: Keeper) -> None:
    """Rewrite one line a second on a terminal: how many, how fast, how long for what is due."""
    if not is_terminal():
        return
    last, seconds, due = keeper.tally.renewed, 0, 0
    while True:
        if seconds % _COUNT_DUE_EVERY == 0:
            try:
                due = await keeper.count_due()
            except StoreFailed as error:
                say(f"{paint('!', 'yellow')} {error.message}")
        await asyncio.sleep(1)
        seconds += 1
        rate, last = keeper.tally.renewed - last, keeper.tally.renewed
        left = f", {in_words(due / rate)} left" if rate and due else ""
        say_in_place(f"{in_numbers(keeper.tally)}; {rate}/s, {due} due{left}")


def in_numbers(summary: Summary) -> str:
    """Return what a keeper has done, in one line."""
    counts = {name: count for name, count in asdict(summary).items() if count}
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing was due"
