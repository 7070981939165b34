"""What every store does, and the two promises that it keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed

if TYPE_CHECKING:
    from collections.abc import Hashable
    from contextlib import AbstractContextManager

    from traktauth.models import Login, Record, Renewal, Token


class TokenStore(ABC):
    """A place for the records of many logins.

    *The right to send* a generation's refresh token is given by `begin`, once an attempt, to one caller anywhere.
    *The right to save* is decided by the generation alone: `save` replaces the pair it names and no other.
    What a method has done is durable when it returns. Every method raises `StoreFailed` where it cannot do its work,
    and has then changed nothing.
    """

    @property
    @abstractmethod
    def identity(self) -> Hashable:
        """Return what is equal for two objects over the same place, so that callers in one process can share a wait."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Return the address of the place, as a person gives it, without passwords."""

    @abstractmethod
    def load(self, login: Login) -> Record:
        """Return the login's record; an empty one where there is none."""

    def peek(self, login: Login) -> Record | None:
        """Return what `load` would, where that takes microseconds; else None."""
        del login
        return None

    @abstractmethod
    def begin(self, login: Login, renewal: Renewal) -> bool:
        """Open a renewal: give the right to send this generation for this attempt; False where it is not to be had.

        It is to be had where the generation is the stored one, renewable, and the last attempt was the one before.
        """

    @abstractmethod
    def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        """Take an open renewal back, as its token is known to be unspent; `before` stood open before it."""

    @abstractmethod
    def save(self, login: Login, token: Token, *, after: int, at: float) -> bool:
        """Save the pair that follows generation `after` and close its renewal; False where another is stored.

        `token.generation` must be greater than `after`; `at` is the time in Unix seconds.
        """

    @abstractmethod
    def mark(self, login: Login, generation: int, why: str | None) -> None:
        """Note why this generation must not be renewed (None: it may be); nothing where a newer one is stored."""

    @abstractmethod
    def forget(self, login: Login, generation: int) -> None:
        """Forget this generation's pair, but not its number; nothing where a newer one is stored.

        Where a renewal of it is open the number is passed, so that what comes late is not saved.
        """

    @abstractmethod
    def exclusive(self, login: Login, patience: float) -> AbstractContextManager[bool]:
        """Hold the login's lock; the value is False where somebody else held it for `patience` seconds."""

    @abstractmethod
    def logins(self) -> list[Login]:
        """Return every login that has a record, in order."""

    @abstractmethod
    def check(self) -> None:
        """Show with a trial write that a record could be saved."""

    def hand_over(self, login: Login, generation: int, to: str) -> bool:
        """Forget this generation's pair, as it lies in the store at `to` now, and note that for whoever asks here.

        False where another generation, or no pair, is stored.
        """
        del login, generation, to
        raise StoreFailed(f"{self.address} cannot note that a login was moved, so none is moved out of it")

    def take_over(self, login: Login, record: Record) -> bool:
        """Keep another store's record here; False where this one knows a generation that is as new.

        A store that does not say otherwise keeps its pair and mark, and not its history.
        """
        token, known = record.token, self.load(login).generation
        if token is None or not self.save(login, token, after=known, at=record.saved_at):
            return False
        if not record.renewable:
            self.mark(login, record.generation, record.why_not)
        return True

    def reseal(self, login: Login) -> bool:
        """Encrypt a record with the newest key; False where it is that already, or where nothing is encrypted."""
        del login
        return False

    def sealed_with(self, login: Login) -> str | None:
        """Return the id of the key that a record is encrypted with; None where it is with none, or cannot be told."""
        del login
        return None

    def problems(self) -> list[str]:
        """Return what about this place may lose a login, each with the setting that mends it."""
        return []

    def close(self) -> None:  # noqa: B027 - most stores hold nothing open
        """Release what the store holds open."""
