"""Bring logins from one store into another, so that neither a crash nor a program that still uses the old one harms.

The order is: take the right to send at the source, write the target, note at the source that the login has moved. A run
that was cut off is taken up by the next one, which knows its own open renewals by their name.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.models.record import MOVER, Renewal
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
            outcome = _move(login, source, target, clock) if held else Outcome.BUSY
        yield Moved(login, outcome)


@contextmanager
def _locks(login: Login, *stores: TokenStore) -> Generator[bool]:
    first, second = stores
    with first.exclusive(login, _PATIENCE) as one, second.exclusive(login, _PATIENCE if one else 0.0) as two:
        yield one and two


def _move(login: Login, source: TokenStore, target: TokenStore, clock: Callable[[], float]) -> Outcome:
    record = source.load(login)
    if record.moved:
        return Outcome.ALREADY
    if record.token is None:
        return Outcome.SIGNED_OUT
    open_renewal = record.renewal
    if open_renewal is not None and not open_renewal.moving:
        return Outcome.UNCONFIRMED
    if open_renewal is None and record.renewable:
        open_renewal = Renewal(record.generation, 1, round(clock(), 3), f"{MOVER}{_host()}:{os.getpid()}")
        if not source.begin(login, open_renewal):
            return Outcome.BUSY
    if not _written(login, record, target):
        if open_renewal is not None:
            source.cancel(login, open_renewal, None)
        return Outcome.NEWER
    return Outcome.MOVED if source.hand_over(login, record.generation, target.address) else Outcome.BUSY


def _written(login: Login, record: Record, target: TokenStore) -> bool:
    """Write a record's pair into the target; False where that holds another one that is as new."""
    token, there = record.token, target.load(login)
    if there.token != token or token is None:
        if token is None or not target.save(login, token, after=there.generation, at=record.saved_at):
            return False
        if not record.renewable:
            target.mark(login, record.generation, record.why_not)
        if target.load(login).token != token:
            raise StoreFailed(f"{target.address} does not hold what was just written to it")
    return True


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "windows")
