"""What a store offers a keeper beside the rest: many logins in one statement, and the next ones due."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traktauth.stores.abase import AsyncTokenStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traktauth.errors import StoreFailed
    from traktauth.models import Login, Record, Renewal, Token


@dataclass(frozen=True, slots=True)
class Saving:
    """One pair to be saved, as `AsyncTokenStore.save` takes it."""

    login: Login
    token: Token
    after: int


class FleetStore(AsyncTokenStore):
    """A store in which a keeper can find what is due.

    A login's due time is `models.due.due_at` of its pair, set by each save. Claiming takes the login's lock, the same
    that `exclusive` takes, as a lease by the store's clock; the right to send is still given by `begin` alone.
    """

    @abstractmethod
    async def claim(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, lease: float, owner: str
    ) -> list[tuple[Login, Record | StoreFailed]]:
        """Take the locks of up to `limit` logins that are due, the earliest first; those that others hold are left.

        Due is a login with a pair whose due time is at most `before`, and that has no open renewal, or one and an
        access token that has ended at `now`. One that is not renewable is due until that is told; see `settle`.

        Args:
            realm: the service's realm.
            client_id: the app's id.
            before: Unix seconds.
            now: Unix seconds.
            limit: at most so many.
            lease: seconds until the locks are free again by themselves.
            owner: names the claim, for `release`.

        Returns:
            Each with its record, or with why that cannot be read.
        """

    @abstractmethod
    async def release(self, logins: Sequence[Login], *, owner: str) -> None:
        """Give locks back that `claim` took and that are still this owner's."""

    @abstractmethod
    async def postpone(self, login: Login, generation: int, *, until: float) -> None:
        """Let this generation come due no earlier than `until`, in Unix seconds."""

    @abstractmethod
    async def settle(self, login: Login, generation: int) -> None:
        """Let this generation never come due again."""

    @abstractmethod
    async def begin_many(self, renewals: Sequence[tuple[Login, Renewal]]) -> list[bool]:
        """Open many renewals in one statement; each answer is that of `begin`."""

    @abstractmethod
    async def save_many(self, savings: Sequence[Saving], *, at: float) -> list[bool]:
        """Save many pairs in one statement; each answer is that of `save`."""

    @abstractmethod
    async def tell_once(self, login: Login, generation: int, what: str) -> bool:
        """Note that a person was told `what` of this generation; True for the first who says so."""

    @abstractmethod
    async def count_due(self, realm: str, client_id: str, *, before: float) -> int:
        """Return how many logins come due until `before`, claimed or not."""

    @abstractmethod
    async def take(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        """Take from the budget that all keepers of a realm share; by the store's clock.

        The budget is the counter that the service itself keeps: it lets `limit` requests pass and only begins again
        after a silence of more than `period` seconds.

        Returns:
            How many of the wanted requests may be sent now; and, where none may, the seconds until some may.
        """

    @abstractmethod
    async def hold(self, realm: str, seconds: float) -> None:
        """Let nobody take from a realm's budget for some seconds, as the service asked for it."""
