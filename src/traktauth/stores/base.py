"""What a store is: `TokenStore`, and `AsyncTokenStore` for stores whose database has an asyncio driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from contextlib import AbstractAsyncContextManager, AbstractContextManager

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record
from traktauth.models.changes import Change
from traktauth.stores.encryption import Cipher


class TokenStore(ABC):
    """The records of many logins.

    A store reads records and applies changes to them (`traktauth.models.changes`). When a method returns, what it did
    is durable. Every method raises `StoreFailed` if it cannot do its work, and has then changed nothing.

    Attributes:
        lock_expires: whether the lock is a lease, which another program may take after a time while it is still held.
    """

    lock_expires: bool = True
    _cipher: Cipher | None = None

    @property
    @abstractmethod
    def identity(self) -> Hashable:
        """Return a key that is equal for all objects of one store: callers of one process wait for one refresh."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Return the address of the place, as the user writes it, without passwords."""

    @abstractmethod
    def load(self, login: LoginKey) -> Record:
        """Return the login's record; an empty one if it has no record."""

    def peek(self, login: LoginKey) -> Record | None:
        """Return what `load` would if that takes microseconds; else None."""
        del login
        return None

    @abstractmethod
    def apply(self, login: LoginKey, change: Change) -> bool:
        """Apply a change to the login's record as one atomic step, against every other process.

        Returns:
            Whether it was applied: False if `change.apply` returned None, and nothing was changed.
        """

    @abstractmethod
    def lock(self, login: LoginKey, timeout: float) -> AbstractContextManager[bool]:
        """Hold the login's lock; the value is False if another caller held it for `timeout` seconds."""

    @abstractmethod
    def list_logins(self) -> list[LoginKey]:
        """Return every login that has a record, in order."""

    @abstractmethod
    def check_writable(self) -> None:
        """Show with a trial write that a record could be saved."""

    def encryption_key_id(self, login: LoginKey) -> str | None:
        """Return the id of the key that a record is encrypted with; None if it is not, or the id is not known."""
        del login
        return None

    def encrypt(self, content: bytes, bound: bytes) -> str | None:
        """Return a content, which lies beside the records, encrypted as they are; None if they are not.

        Args:
            content: the content.
            bound: what `decrypt` must be given as well.
        """
        return None if self._cipher is None else self._cipher.seal(content, bound)

    def decrypt(self, encrypted: str, bound: bytes) -> bytes:
        """Return the content that was encrypted.

        Raises:
            StoreFailed: this store has no key, or not the right one.
            ValueError: the content, or what it is bound to, is not what was encrypted.
        """
        if self._cipher is None:
            raise StoreFailed("This store has no key", hint="Open the store as sealed+ADDRESS, with its key")
        return self._cipher.open(encrypted, bound)

    def durability_warnings(self) -> list[str]:
        """Return what about this place may lose a login, each with the setting that fixes it."""
        return []

    def close(self) -> None:  # noqa: B027 - most stores hold nothing open
        """Release what the store holds open."""


class AsyncTokenStore(ABC):
    """The records of many logins, in a store whose methods are awaited in the event loop of the program that uses it.

    What `TokenStore` says of its methods holds for these.

    A refresh runs in a thread, which saves the token through this loop; if the loop is stopped and closed meanwhile,
    the refresh is unconfirmed, as if its response had not come.

    Attributes:
        lock_expires: whether the lock is a lease, which another program may take after a time while it is still held.
    """

    lock_expires: bool = True

    @property
    @abstractmethod
    def identity(self) -> Hashable:
        """Return a key equal for all objects of one place, blocking stores included."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Return the address of the place, as the user writes it, without passwords."""

    @abstractmethod
    async def load(self, login: LoginKey) -> Record:
        """Return the login's record; an empty one if it has no record."""

    def peek(self, login: LoginKey) -> Record | None:
        """Return what `load` would if that takes microseconds; else None. It is not awaited."""
        del login
        return None

    @abstractmethod
    async def apply(self, login: LoginKey, change: Change) -> bool:
        """Apply a change as one atomic step; return False if `change.apply` returned None, and nothing was changed."""

    @abstractmethod
    def lock(self, login: LoginKey, timeout: float) -> AbstractAsyncContextManager[bool]:
        """Hold the login's lock; the value is False if another caller held it for `timeout` seconds."""

    @abstractmethod
    async def list_logins(self) -> list[LoginKey]:
        """Return every login that has a record, in order."""

    @abstractmethod
    async def check_writable(self) -> None:
        """Show with a trial write that a record could be saved."""

    async def durability_warnings(self) -> list[str]:
        """Return what about this place may lose a login, each with the setting that fixes it."""
        return []

    async def close(self) -> None:  # noqa: B027 - most stores hold nothing open
        """Release what the store holds open."""
