"""Tokens that live as long as the program."""

from __future__ import annotations

import os
import threading
import weakref
from collections import defaultdict
from collections.abc import Generator, Hashable
from contextlib import contextmanager

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record
from traktauth.models.changes import BeginRefresh, Change, Erase, Reencrypt
from traktauth.models.record import EMPTY, erased_entry
from traktauth.stores.base import TokenStore


class MemoryStore(TokenStore):
    """A store in this process's memory; two objects are two places.

    A forked child and its parent have copies of one token: the child serves it, and does not refresh it.
    """

    lock_expires = False

    def __init__(self) -> None:
        self._records: dict[LoginKey, Record] = {}
        self._inherited: dict[LoginKey, int] = {}  # generations that this process has from the one that forked it
        self._place = object()  # not this store's id, which another may get after it
        self.free_locks()
        _stores.add(self)

    def free_locks(self) -> None:
        """Replace the locks: the threads that hold the old ones do not exist after a fork."""
        self._writing = threading.RLock()  # a signal handler may use the store while its own thread does
        self._locks: defaultdict[LoginKey, threading.Lock] = defaultdict(threading.Lock)

    def leave_to_the_parent(self) -> None:
        """Refresh none of the tokens that are here now."""
        self._inherited = {login: record.generation for login, record in self._records.items()}

    @property
    def identity(self) -> Hashable:
        return ("memory", self._place)

    @property
    def address(self) -> str:
        return "memory:"

    def load(self, login: LoginKey) -> Record:
        record = self._records.get(login)
        if record is None and login.account:
            return self._records.get(erased_entry(login), EMPTY)
        return EMPTY if record is None else record

    def peek(self, login: LoginKey) -> Record | None:
        return self.load(login)

    def apply(self, login: LoginKey, change: Change) -> bool:
        if isinstance(change, BeginRefresh) and self._inherited.get(login) == change.pending_refresh.generation:
            raise StoreFailed(
                "This login belongs to the process that forked this one, and would be ended if both refreshed it",
                hint="Use a store that both can see: store='file:'",
            )
        if isinstance(change, Reencrypt):
            return False  # nothing is encrypted
        with self._writing:
            while True:
                found = self._records.get(login)
                if found is None and isinstance(change, Erase):
                    return False
                record = change.apply(self.load(login))
                if record is None:
                    return False
                if self._records.get(login) is found:  # and not one of a signal handler that ran meanwhile
                    break
            self._records[erased_entry(login) if isinstance(change, Erase) else login] = record
            if isinstance(change, Erase):
                del self._records[login]
        return True

    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:
        with self._writing:
            lock = self._locks[login]
        held = lock.acquire(timeout=timeout) if timeout > 0 else lock.acquire(blocking=False)
        try:
            yield held
        finally:
            if held:
                lock.release()

    def list_logins(self) -> list[LoginKey]:
        return sorted(login for login in self._records if login.account)

    def check_writable(self) -> None:
        """Memory can always be written."""


_stores: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


def _become_a_child() -> None:
    """Reset all locks after a fork, as their owner threads do not exist here, and mark inherited tokens."""
    for store in _stores:
        store.free_locks()
        store.leave_to_the_parent()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_become_a_child)
