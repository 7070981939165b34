"""The store as a keeper's flows see it: claimed logins are locked already, begins and saves go in batches."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from traktauth.keeper.batching import Batcher
from traktauth.stores.abase import AsyncTokenStore
from traktauth.stores.fleet import Saving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable, Sequence

    from traktauth.models import Login, Record, Renewal, Token
    from traktauth.stores.fleet import FleetStore


class ClaimedStore(AsyncTokenStore):
    """A fleet's store behind batches; the rules stay those of the flows.

    Args:
        store: where the logins rest.
        most: logins of one batch.
        clock: Unix seconds.
    """

    def __init__(self, store: FleetStore, *, most: int, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._self = object()  # not this object's id, which another may get after it
        self._known: dict[Login, Record] = {}
        self._begins = Batcher(store.begin_many, most)
        self._saves = Batcher(self._save_batch, most)

    @property
    def identity(self) -> Hashable:
        """Return one that nobody shares: who waits for a keeper waits at the store."""
        return ("keeper", self._self)

    @property
    def address(self) -> str:
        """Return the store's address."""
        return self._store.address

    def know(self, login: Login, record: Record) -> None:
        """Take a record as it was claimed; it is good until it is changed here, as nobody else may change it."""
        self._known[login] = record

    def lose(self, login: Login) -> None:
        """Forget a record that is not claimed any more."""
        self._known.pop(login, None)

    async def load(self, login: Login) -> Record:
        """Return the record."""
        known = self._known.get(login)
        return known if known is not None else await self._store.load(login)

    async def begin(self, login: Login, renewal: Renewal) -> bool:
        """Open a renewal, together with those of other logins."""
        self.lose(login)
        return await self._begins.add((login, renewal))

    async def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        """Take an open renewal back."""
        self.lose(login)
        await self._store.cancel(login, renewal, before)

    async def save(self, login: Login, token: Token, *, after: int, at: float) -> bool:
        """Save a pair, together with those of other logins."""
        del at
        self.lose(login)
        return await self._saves.add(Saving(login, token, after))

    async def _save_batch(self, savings: Sequence[Saving]) -> list[bool]:
        return await self._store.save_many(savings, at=self._clock())

    async def mark(self, login: Login, generation: int, why: str | None) -> None:
        """Note why a generation must not be renewed."""
        self.lose(login)
        await self._store.mark(login, generation, why)

    async def forget(self, login: Login, generation: int) -> None:
        """Forget a pair."""
        self.lose(login)
        await self._store.forget(login, generation)

    @asynccontextmanager
    async def exclusive(self, login: Login, patience: float) -> AsyncGenerator[bool]:
        """Hold the lock that the claim has taken."""
        del login, patience
        yield True

    async def logins(self) -> list[Login]:
        """Return every login of the store."""
        return await self._store.logins()

    async def check(self) -> None:
        """Show that the store can be written."""
        await self._store.check()
