"""Tokens that live as long as the program."""

from __future__ import annotations

import os
import threading
import weakref
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.models.record import EMPTY
from traktauth.stores import transitions
from traktauth.stores.base import TokenStore

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

    from traktauth.models import Login, Record, Renewal, Token


class MemoryStore(TokenStore):
    """A store in this process's memory; two objects are two places.

    A forked child has a copy of each pair, and so would its parent: the child serves it, and does not renew it.
    """

    def __init__(self) -> None:
        self._records: dict[Login, Record] = {}
        self._parents: dict[Login, int] = {}  # generations that this process has from the one that forked it
        self._place = object()  # not this store's id, which another may get after it
        self.free_locks()
        _stores.add(self)

    def free_locks(self) -> None:
        """Start with new locks, as nobody can release the old ones any more."""
        self._writing = threading.Lock()
        self._locks: defaultdict[Login, threading.Lock] = defaultdict(threading.Lock)

    def leave_to_the_parent(self) -> None:
        """Renew none of the pairs that are here now."""
        self._parents = {login: record.generation for login, record in self._records.items()}

    @property
    def identity(self) -> Hashable:
        return ("memory", self._place)

    @property
    def address(self) -> str:
        return "memory:"

    def load(self, login: Login) -> Record:
        return self._records.get(login, EMPTY)

    def peek(self, login: Login) -> Record | None:
        return self.load(login)

    def begin(self, login: Login, renewal: Renewal) -> bool:
        if self._parents.get(login) == renewal.generation:
            raise StoreFailed(
                "This login belongs to the process that forked this one, and would be ended if both renewed it",
                hint="Keep it where both can see it: --store file:, or TRAKTAUTH_STORE",
            )
        with self._writing:
            return self._put(login, transitions.begun(self.load(login), renewal))

    def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        with self._writing:
            self._put(login, transitions.cancelled(self.load(login), renewal, before))

    def save(self, login: Login, token: Token, *, after: int, at: float) -> bool:
        with self._writing:
            return self._put(login, transitions.saved(self.load(login), token, after, at))

    def mark(self, login: Login, generation: int, why: str | None) -> None:
        with self._writing:
            self._put(login, transitions.marked(self.load(login), generation, why))

    def forget(self, login: Login, generation: int) -> None:
        with self._writing:
            self._put(login, transitions.forgotten(self.load(login), generation))

    def hand_over(self, login: Login, generation: int, to: str) -> bool:
        with self._writing:
            return self._put(login, transitions.handed_over(self.load(login), generation, to))

    @contextmanager
    def exclusive(self, login: Login, patience: float) -> Generator[bool]:
        with self._writing:
            lock = self._locks[login]
        held = lock.acquire(timeout=patience) if patience > 0 else lock.acquire(blocking=False)
        try:
            yield held
        finally:
            if held:
                lock.release()

    def logins(self) -> list[Login]:
        return sorted(self._records)

    def check(self) -> None:
        """Memory can always be written."""

    def _put(self, login: Login, record: Record | None) -> bool:
        if record is not None:
            self._records[login] = record
        return record is not None


_stores: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


def _become_a_child() -> None:
    """Free every lock, as in a forked child nobody lives who could; and know whose pairs these are."""
    for store in _stores:
        store.free_locks()
        store.leave_to_the_parent()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_become_a_child)
