"""Bring logins from one store into another, so that neither a crash nor a program that still uses the old one harms.

The order is: take the right to send at the source, write the target, note at the source that the login has moved. If a
run is cut off, the next run to the same target continues it (see `moving_to`). Only the run that took the right to send
gives it back: a later one does not know whether the target's token has been used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, PendingRefresh, Record
from traktauth.models.changes import BeginRefresh, CancelRefresh, ImportRecord, SetMoved
from traktauth.private_files import COMPANIONS
from traktauth.stores.base import TokenStore
from traktauth.stores.import_copy import remove_copy
from traktauth.stores.processes import this_process
from traktauth.timeouts import LOCK_TIMEOUT

_QUIET = 1.0  # seconds in which a lock is waited for without a word
_ONE_PLACE = "Both stores are one place; to encrypt one in place: traktauth store reseal --take-plain"
_BESIDE = {"file": (".new", ".trial", ".check", ".spare", ".lock"), "sqlite": COMPANIONS}


class Outcome(Enum):
    """What became of one login."""

    MOVED = "moved"
    ALREADY = "was moved before"
    SIGNED_OUT = "signed out"
    UNCONFIRMED = "left where it is, as its last refresh is unconfirmed: wait until it is settled, or sign in again"
    ELSEWHERE = "left where it is, as it is being moved to another store: run that move to its end"
    UNREADABLE = "left where it is, as it cannot be read: see what is wrong with traktauth doctor"
    NEWER = "left where it is, as the target holds another token that is as new: sign out of one of the two"
    ENDED = "left where it is, as the target was signed out of a newer token: sign in there"
    MOVED_ON = "left where it is, as the target had a newer token, which was moved on: use the store that holds it"
    BUSY = "left where it is, as another program was refreshing it: run it again"


@dataclass(frozen=True, slots=True)
class Moved:
    """One login, and what became of it."""

    login: LoginKey
    outcome: Outcome


def move(
    source: TokenStore,
    target: TokenStore,
    *,
    clock: Callable[[], float] = time.time,
    waiting: Callable[[LoginKey, float], object] = lambda _login, _seconds: None,
) -> Iterator[Moved]:
    """Move every login; yields each when it is settled. What is left where it is can be moved by a later run.

    Args:
        source: where from; programs that ask there afterwards go on with the target.
        target: where to; a newer token there is never replaced.
        clock: Unix seconds.
        waiting: called before a login's lock is waited for, with the login and for how many seconds at most.

    Raises:
        ValueError: both are one place, or one is a file that the other writes beside its own.
        StoreFailed: one of them cannot do its work; what was moved before stays so.
    """
    if source.identity == target.identity:
        raise ValueError(_ONE_PLACE)
    for one, other in ((source, target), (target, source)):
        if _writes_over(one.identity, other.identity):
            raise ValueError(f"{other.address} is a file that {one.address} replaces or removes; use another name")
    target.check_writable()
    for login in source.list_logins():
        with _locks(login, target, source, waiting) as held:
            outcome = _try_move(login, source, target, clock) if held else Outcome.BUSY
        yield Moved(login, outcome)


def _writes_over(one: Hashable, other: Hashable) -> bool:
    """Return whether the file of one store is one that another writes beside its own, by their identities."""
    match one, other:
        case (str(kind), str(path)), ("file" | "sqlite", str(name)) if kind in _BESIDE:
            return name.startswith((f"{path}.", f"{path}-")) and name.endswith(_BESIDE[kind])
        case _:
            return False


@contextmanager
def _locks(
    login: LoginKey, first: TokenStore, second: TokenStore, waiting: Callable[[LoginKey, float], object]
) -> Generator[bool]:
    with (
        _lock(login, first, LOCK_TIMEOUT, waiting) as one,
        _lock(login, second, LOCK_TIMEOUT if one else 0.0, waiting) as two,
    ):
        yield one and two


@contextmanager
def _lock(
    login: LoginKey, store: TokenStore, limit: float, waiting: Callable[[LoginKey, float], object]
) -> Generator[bool]:
    """Take a login's lock; what takes long is announced."""
    quietly = min(limit, _QUIET)
    with store.lock(login, quietly) as held:
        if held or quietly == limit:
            yield held
            return
    waiting(login, limit - quietly)
    with store.lock(login, limit - quietly) as held:
        yield held


def _try_move(login: LoginKey, source: TokenStore, target: TokenStore, clock: Callable[[], float]) -> Outcome:
    try:
        record = source.load(login)
    except StoreFailed as error:
        if not error.of_one:
            raise
        return Outcome.UNREADABLE
    return _move(login, record, source, target, clock)


def _move(
    login: LoginKey, record: Record, source: TokenStore, target: TokenStore, clock: Callable[[], float]
) -> Outcome:
    if record.moved_to:
        return Outcome.ALREADY
    if record.token is None:
        return Outcome.SIGNED_OUT
    earlier = record.pending_refresh
    if earlier is not None and not earlier.is_move and not record.refreshable:
        earlier = None  # Trakt has refused its refresh token: that refresh is settled, and no other follows
    resumed = earlier is not None and earlier.moving_to == target.address
    if earlier is not None and not resumed:
        return Outcome.ELSEWHERE if earlier.is_move else Outcome.UNCONFIRMED
    mine = None
    if not resumed and record.refreshable:
        mine = PendingRefresh(record.generation, 1, round(clock(), 3), this_process(), moving_to=target.address)
        if not source.apply(login, BeginRefresh(mine)):
            return Outcome.BUSY
    _check_places(login, mine or earlier, source, target)
    if not _write(login, record, target) and not resumed:
        if mine is not None:
            source.apply(login, CancelRefresh(mine, None))
        return _reason_of_refusal(target.load(login))
    if not source.apply(login, SetMoved(record.generation, target.address)):
        return Outcome.BUSY
    remove_copy(source.address, login, record.token.fingerprint)
    return Outcome.MOVED


def _check_places(login: LoginKey, sending: PendingRefresh | None, source: TokenStore, target: TokenStore) -> None:
    """Check that the target is not the source under another name, as by a bind mount: it has no right to send.

    Raises:
        ValueError: it is; the source has the login as before.
    """
    if sending is not None and target.load(login).pending_refresh == sending:
        source.apply(login, CancelRefresh(sending, None))
        raise ValueError(_ONE_PLACE)


def _reason_of_refusal(there: Record) -> Outcome:
    """Return why the target takes no token over."""
    if there.token is not None:
        return Outcome.NEWER
    return Outcome.MOVED_ON if there.moved_to else Outcome.ENDED


def _write(login: LoginKey, record: Record, target: TokenStore) -> bool:
    """Write a record into the target; False where that holds another one that is as new."""
    if target.load(login).token != record.token:
        if not target.apply(login, ImportRecord(record)):
            return False
        if target.load(login).token != record.token:
            raise StoreFailed(f"{target.address} does not hold what was just written to it")
    return True
