"""The store as the refreshes of a keeper use it: claimed logins are locked, and what failed is noted."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from contextlib import contextmanager

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record
from traktauth.models.changes import Change
from traktauth.stores.base import TokenStore
from traktauth.stores.errors import store_failed
from traktauth.stores.fleet import FleetStore


class ClaimedStore(TokenStore):
    """A fleet's store for claimed logins.

    Args:
        store: holds the logins.

    Attributes:
        claimed_from: the store that holds them.
        is_failing: whether the last write failed.
    """

    def __init__(self, store: FleetStore) -> None:
        self.claimed_from = store
        self._failure: StoreFailed | None = None
        self.is_failing = False
        self._identity = object()  # not id(self), which a later object may get
        self._claimed: dict[LoginKey, Record] = {}

    @property
    def identity(self) -> Hashable:
        """Return an identity of its own: other callers of this process must wait for the claim, not share a call."""
        return ("keeper", self._identity)

    @property
    def address(self) -> str:
        """Return the store's address."""
        return self.claimed_from.address

    def cache(self, login: LoginKey, record: Record) -> None:
        """Cache the record of a claimed login; it is valid until changed here, as only the claim's owner changes it."""
        self._claimed[login] = record

    def evict(self, login: LoginKey) -> None:
        """Remove a record from the cache."""
        self._claimed.pop(login, None)

    def load(self, login: LoginKey) -> Record:
        """Return the record."""
        claimed = self._claimed.get(login)
        return claimed if claimed is not None else self.claimed_from.load(login)

    def apply(self, login: LoginKey, change: Change) -> bool:
        """Apply a change, and note whether the store could be written."""
        self.evict(login)
        try:
            applied = self.claimed_from.apply(login, change)
        except Exception as error:
            self._failure, self.is_failing = store_failed(error, self.claimed_from), True
            raise
        self._failure, self.is_failing = None, False
        return applied

    def take_failure(self) -> StoreFailed | None:
        """Return the error of the last write, once; None if it succeeded."""
        failure, self._failure = self._failure, None
        return failure

    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:
        """Yield True: the claim holds the lock."""
        del login, timeout
        yield True

    def list_logins(self) -> list[LoginKey]:
        """Return every login of the store."""
        return self.claimed_from.list_logins()

    def check_writable(self) -> None:
        """Check that the store can be written."""
        self.claimed_from.check_writable()
