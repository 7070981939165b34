"""The protocol of a storage: work on its repositories, in transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.storage.repositories import Repositories

T = TypeVar("T")


class Storage(Protocol):
    """A database. Work runs in one transaction; work that touches the same rows runs one after the other."""

    async def write(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* in a transaction and return its result after the commit.

        An `OAuthError` that *work* raises is a result: what it wrote before stays. Any other exception rolls it back.

        Raises:
            StorageUnavailable: the database is gone, locked or full.
        """
        ...

    async def read(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* on committed data, without waiting for writers.

        Raises:
            StorageUnavailable: the database is gone.
        """
        ...

    def close(self) -> None:
        """Finish the work that was begun and close the database."""
        ...


class OpenStorage(Storage, Protocol):
    """A database that has just been opened."""

    def run_sync(self, work: Callable[[Repositories], T]) -> T:
        """Run *work* in a transaction, in the calling thread, before requests are served.

        Raises:
            StorageUnavailable: the database is gone, locked, full or damaged.
        """
        ...
