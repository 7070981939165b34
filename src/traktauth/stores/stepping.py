"""A store that takes the pure steps from record to record, one at a time."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from traktauth.stores import transitions
from traktauth.stores.base import TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.models import Login, Record, Renewal, Token


class SteppingStore(TokenStore):
    """What is the same in every store that can change a record by a step."""

    @abstractmethod
    def _change(self, login: Login, step: Callable[[Record], Record | None]) -> bool:
        """Take a step, alone, and keep what comes of it; False where the step comes to nothing."""

    def begin(self, login: Login, renewal: Renewal) -> bool:
        return self._change(login, lambda record: transitions.begun(record, renewal))

    def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        self._change(login, lambda record: transitions.cancelled(record, renewal, before))

    def save(self, login: Login, token: Token, *, after: int, at: float) -> bool:
        return self._change(login, lambda record: transitions.saved(record, token, after, at))

    def mark(self, login: Login, generation: int, why: str | None) -> None:
        self._change(login, lambda record: transitions.marked(record, generation, why))

    def forget(self, login: Login, generation: int) -> None:
        self._change(login, lambda record: transitions.forgotten(record, generation))

    def take_over(self, login: Login, record: Record) -> bool:
        return self._change(login, lambda own: transitions.taken_over(own, record))

    def hand_over(self, login: Login, generation: int, to: str) -> bool:
        return self._change(login, lambda record: transitions.handed_over(record, generation, to))
