"""Bring logins from one store into another, so that neither a crash nor a program that still uses the old one harms.

The order is: take the right to send at the source, write the target, note at the source that the login has moved. A run
that was cut off is taken up by the next one to the same target, which knows it by the name of its open renewal. The
right to send is given back by the run that took it, and by no later one: what the target got then may be spent by now.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.models.record import Renewal, mover
from traktauth.stores.base import TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from traktauth.models import Login, Record

_PATIENCE = 35.0  # seconds: a holder's whole lease, and a little for its last write


class Outcome(Enum):
    """What became of one login."""

    MOVED = "moved"
    ALREADY = "was moved before"
    SIGNED_OUT = "nobody is signed in"
    UNCONFIRMED = "left where it is, as its last renewal is unconfirmed: wait until it is settled, or sign in again"
    ELSEWHERE = "left where it is, as it is being moved to another store: run that move to its end"
    UNREADABLE = "left where it is, as it cannot be read: see what is wrong with traktauth doctor"
    NEWER = "left where it is, as the target holds a newer pair"
    BUSY = "left where it is, as somebody was renewing it: run it again"


@dataclass(frozen=True, slots=True)
class Moved:
    """One login, and what became of it."""

    login: Login
    outcome: Outcome


def move(source: TokenStore, target: TokenStore, *, clock: Callable[[], float] = time.time) -> Iterator[Moved]:
    """Move every login; yields each when it is settled. What is left where it is can be moved by a later run.

    Args:
        source: where from; whoever asks there afterwards is told where the login lies.
        target: where to; a newer pair there is never replaced.
        clock: Unix seconds.

    Raises:
        ValueError: both are one place.
        StoreFailed: one of them cannot do its work; what was moved before stays so.
    """
    if source.identity == target.identity:
        raise ValueError("Both stores are one place; to encrypt one in place: traktauth store reseal")
    if type(source).hand_over is TokenStore.hand_over:
        raise StoreFailed(f"{source.address} cannot note that a login was moved, so none is moved out of it")
    target.check()
    for login in source.logins():
        with _locks(login, target, source) as held:
            outcome = _tried(login, source, target, clock) if held else Outcome.BUSY
        yield Moved(login, outcome)


@contextmanager
def _locks(login: Login, *stores: TokenStore) -> Generator[bool]:
    first, second = stores
    with first.exclusive(login, _PATIENCE) as one, second.exclusive(login, _PATIENCE if one else 0.0) as two:
        yield one and two


def _tried(login: Login, source: TokenStore, target: TokenStore, clock: Callable[[], float]) -> Outcome:
    try:
        record = source.load(login)
    except StoreFailed as error:
        if not error.of_one:
            raise
        return Outcome.UNREADABLE
    return _move(login, record, source, target, clock)


def _move(login: Login, record: Record, source: TokenStore, target: TokenStore, clock: Callable[[], float]) -> Outcome:
    if record.moved:
        return Outcome.ALREADY
    if record.token is None:
        return Outcome.SIGNED_OUT
    earlier = record.renewal
    if earlier is not None and earlier.moving_to != target.address:
        return Outcome.ELSEWHERE if earlier.moving else Outcome.UNCONFIRMED
    mine = None
    if earlier is None and record.renewable:
        mine = Renewal(record.generation, 1, round(clock(), 3), mover(target.address, f"{_host()}:{os.getpid()}"))
        if not source.begin(login, mine):
            return Outcome.BUSY
    if not _written(login, record, target) and earlier is None:
        if mine is not None:
            source.cancel(login, mine, None)
        return Outcome.NEWER
    return Outcome.MOVED if source.hand_over(login, record.generation, target.address) else Outcome.BUSY


def _written(login: Login, record: Record, target: TokenStore) -> bool:
    """Write a record into the target; False where that holds another one that is as new."""
    if target.load(login).token != record.token:
        if not target.take_over(login, record):
            return False
        if target.load(login).token != record.token:
            raise StoreFailed(f"{target.address} does not hold what was just written to it")
    return True


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "windows")
