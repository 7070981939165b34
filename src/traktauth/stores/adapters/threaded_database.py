"""A blocking database for asyncio: its commands are performed in threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from traktauth.stores.adapters.threaded_store import in_thread

if TYPE_CHECKING:
    from collections.abc import Hashable

    from traktauth.models import LoginKey
    from traktauth.stores.database.commands import Command, Database
    from traktauth.stores.database.row import Row

T = TypeVar("T")


class ThreadedDatabase:
    """Makes an async database of a blocking one."""

    any_loop = True

    def __init__(self, database: Database) -> None:
        self.blocking = database
        self.longest_pause = database.longest_pause

    @property
    def identity(self) -> Hashable:
        """Return what is equal for two objects over the same place."""
        return self.blocking.identity

    @property
    def address(self) -> str:
        """Return the address of the place, without passwords."""
        return self.blocking.address

    def peek(self, login: LoginKey) -> Row | None:
        """Return a login's row if that takes microseconds; not awaited."""
        return self.blocking.peek(login)

    async def perform(self, command: Command[T]) -> T:
        """Do a command in a thread; a cancellation waits for it."""
        return await in_thread(lambda: self.blocking.perform(command))

    async def durability_warnings(self) -> list[str]:
        """Return what about this place may lose a login."""
        return await in_thread(self.blocking.durability_warnings)

    async def close(self) -> None:
        """Release what is held open."""
        await in_thread(self.blocking.close)
