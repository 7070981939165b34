"""The async store on a database, with what a keeper needs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from traktauth.errors import StoreFailed
from traktauth.stores.adapters.threaded_store import in_thread, settle
from traktauth.stores.database.commands import (
    BlockBudget,
    ClaimDue,
    CountLogins,
    CountStates,
    ListUpcoming,
    LoginCounts,
    LoginStates,
    ReleaseLease,
    Sleep,
    TakeBudget,
)
from traktauth.stores.database.lease import Backoff, LeaseOwners
from traktauth.stores.database.operations import LoginOperations
from traktauth.stores.fleet import FleetStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Hashable, Sequence

    from traktauth.models import LoginKey, Record
    from traktauth.models.changes import Change
    from traktauth.stores.compare_and_swap import Operation
    from traktauth.stores.database.commands import Command, Database
    from traktauth.stores.encryption.envelope import Cipher

T = TypeVar("T")


class AsyncDatabaseStore(FleetStore):
    """Same as `DatabaseStore`, but its methods are awaited; the database does each command in a thread."""

    any_loop = True

    def __init__(self, database: Database, *, cipher: Cipher | None = None) -> None:
        self.database = database
        self._operations = LoginOperations(cipher)
        self._is_sealed = cipher is not None
        self._owners = LeaseOwners()

    @property
    def identity(self) -> Hashable:
        return self.database.identity

    @property
    def address(self) -> str:
        return f"sealed+{self.database.address}" if self._is_sealed else self.database.address

    async def load(self, login: LoginKey) -> Record:
        return await self._run(self._operations.load(login))

    def peek(self, login: LoginKey) -> Record | None:
        return self._operations.peek(login, self.database)

    async def apply(self, login: LoginKey, change: Change) -> bool:
        return await self._run(self._operations.apply(login, change))

    @asynccontextmanager
    async def lock(self, login: LoginKey, timeout: float) -> AsyncGenerator[bool]:
        owner, held = self._owners.take(login), False
        try:
            held = await self._run(
                self._operations.acquire(login, owner, Backoff(timeout, self.database.longest_pause))
            )
        except asyncio.CancelledError:
            await self._release(login, owner)  # it may have been taken in the very moment
            raise
        except StoreFailed:
            self._owners.keep(login, owner)
            raise
        try:
            yield held
        finally:
            if held:
                await self._release(login, owner)

    async def list_logins(self) -> list[LoginKey]:
        return await self._run(self._operations.list_logins())

    async def check_writable(self) -> None:
        await self._run(self._operations.check_writable())

    async def durability_warnings(self) -> list[str]:
        return await in_thread(self.database.durability_warnings)

    async def close(self) -> None:
        await in_thread(self.database.close)

    # ------------------------------------------------------------ for a keeper
    async def claim(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, lease: float, owner: str
    ) -> list[tuple[LoginKey, Record | StoreFailed]]:
        claim = ClaimDue(realm, client_id, before=before, now=now, limit=limit, seconds=lease, owner=owner)
        return await self._run(self._operations.claim(claim))

    async def release(self, logins: Sequence[LoginKey], *, owner: str) -> None:
        await self._run(self._operations.release(logins, owner))

    async def defer(self, login: LoginKey, generation: int, *, until: float) -> None:
        await self._run(self._operations.set_due(login, generation, until))

    async def never_due(self, login: LoginKey, generation: int) -> None:
        await self._run(self._operations.set_due(login, generation, None))

    async def record_notification(self, login: LoginKey, generation: int, what: str) -> bool:
        return await self._run(self._operations.record_notification(login, generation, what))

    async def count_logins(self, realm: str, client_id: str, *, now: float) -> LoginCounts:
        return await self._do(CountLogins(realm, client_id, now))

    async def count_states(self, realm: str, client_id: str, *, now: float) -> LoginStates:
        return await self._do(CountStates(realm, client_id, now))

    async def upcoming(self, realm: str, client_id: str, *, limit: int) -> list[tuple[LoginKey, float]]:
        return await self._do(ListUpcoming(realm, client_id, limit))

    async def take_budget(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        return await self._do(TakeBudget(realm, wanted, limit, period))

    async def block_budget(self, realm: str, seconds: float) -> None:
        await self._do(BlockBudget(realm, seconds))

    async def _run(self, operation: Operation[T]) -> T:
        """Run an operation to its end, as `run` does, and await its commands."""
        try:
            command = next(operation)
            while True:
                try:
                    result = await self._perform(command)
                except BaseException as error:  # noqa: BLE001 - the operation handles or raises it
                    command = operation.throw(error)
                else:
                    command = operation.send(result)
        except StopIteration as end:
            done: T = end.value
            return done

    async def _perform(self, command: Command[T]) -> T | None:
        if isinstance(command, Sleep):
            await asyncio.sleep(command.seconds)
            return None
        return await self._do(command)

    async def _do(self, command: Command[T]) -> T:
        return await in_thread(lambda: self.database.perform(command))

    async def _release(self, login: LoginKey, owner: str) -> None:
        """Release the lease, through every cancellation; otherwise as `DatabaseStore`."""
        try:
            await settle(asyncio.ensure_future(self._do(ReleaseLease(login, owner))))
        except StoreFailed:
            self._owners.keep(login, owner)
