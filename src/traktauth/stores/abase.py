"""The same store, awaited: for stores whose database has an asyncio driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed

if TYPE_CHECKING:
    from collections.abc import Hashable
    from contextlib import AbstractAsyncContextManager

    from traktauth.models import Login, Record, Renewal, Token


class AsyncTokenStore(ABC):
    """Same as `TokenStore`, but its verbs are awaited; an object serves one event loop."""

    @property
    @abstractmethod
    def identity(self) -> Hashable:
        """Same as `TokenStore.identity`; equal to that of a blocking store over the same place."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Same as `TokenStore.address`."""

    @abstractmethod
    async def load(self, login: Login) -> Record:
        """Same as `TokenStore.load`."""

    def peek(self, login: Login) -> Record | None:
        """Same as `TokenStore.peek`, and not awaited."""
        del login
        return None

    @abstractmethod
    async def begin(self, login: Login, renewal: Renewal) -> bool:
        """Same as `TokenStore.begin`."""

    @abstractmethod
    async def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        """Same as `TokenStore.cancel`."""

    @abstractmethod
    async def save(self, login: Login, token: Token, *, after: int, at: float) -> bool:
        """Same as `TokenStore.save`."""

    @abstractmethod
    async def mark(self, login: Login, generation: int, why: str | None) -> None:
        """Same as `TokenStore.mark`."""

    @abstractmethod
    async def forget(self, login: Login, generation: int) -> None:
        """Same as `TokenStore.forget`."""

    @abstractmethod
    def exclusive(self, login: Login, patience: float) -> AbstractAsyncContextManager[bool]:
        """Same as `TokenStore.exclusive`."""

    @abstractmethod
    async def logins(self) -> list[Login]:
        """Same as `TokenStore.logins`."""

    @abstractmethod
    async def check(self) -> None:
        """Same as `TokenStore.check`."""

    async def hand_over(self, login: Login, generation: int, to: str) -> bool:
        """Same as `TokenStore.hand_over`."""
        del login, generation, to
        raise StoreFailed(f"{self.address} cannot note that a login was moved, so none is moved out of it")

    async def reseal(self, login: Login) -> bool:
        """Same as `TokenStore.reseal`."""
        del login
        return False

    async def problems(self) -> list[str]:
        """Same as `TokenStore.problems`."""
        return []

    async def close(self) -> None:  # noqa: B027 - most stores hold nothing open
        """Same as `TokenStore.close`."""
