"""Store effects, performed for one login."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from traktauth.errors import StoreFailed
from traktauth.flow.effects import Begin, Cancel, Effect, Forget, Keep, Load, Mark, Note, Save, TryStore
from traktauth.models import Record, Renewal
from traktauth.stores.abase import AsyncTokenStore
from traktauth.stores.base import TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from traktauth.models import Login, Token

    Held = tuple[Token, int]  # a pair, and the generation that it follows

Store = TypeVar("Store", TokenStore, AsyncTokenStore)

# Pairs that could not be saved, by place and login: whatever object of this process asks next has them too, or it
# would send a refresh token that is spent.
_unsaved: dict[Hashable, Held] = {}


class _Keeping(Generic[Store]):
    """One login in one store, and the pair that could not be saved there yet, if any.

    Args:
        store: where.
        login: whose.
        clock: Unix seconds.
    """

    def __init__(self, store: Store, login: Login, clock: Callable[[], float]) -> None:
        self.store: Store = store
        self.login = login
        self._clock = clock

    def call(self, effect: Effect[Any]) -> Callable[[], Any] | None:
        """Return what performs a store effect; None where it is another kind of effect.

        What it returns is the answer, or, of an async store, to be awaited.
        """
        store, login = self.store, self.login
        match effect:
            case Load():
                return self.load
            case Begin(generation, attempt):
                return lambda: store.begin(login, self._renewal(generation, attempt))
            case Cancel(generation, attempt, before):
                return lambda: store.cancel(login, self._renewal(generation, attempt), before)
            case Save(token, after):
                return lambda: store.save(login, token, after=after, at=self._clock())
            case Mark(generation, why):
                return lambda: store.mark(login, generation, why)
            case Forget(generation):
                return lambda: self._forget(generation)
            case TryStore():
                return self._try_store
            case _:
                return None

    def peek(self) -> Record | None:
        """Return the record where that takes microseconds."""
        return None if self._held() else self.store.peek(self.login)

    def load(self) -> Any:  # noqa: ANN401 - a record, or an awaitable of one
        """Return the record; a pair that could not be saved is saved now, or at least served."""
        raise NotImplementedError

    @property
    def holds_unsaved(self) -> bool:
        """Return whether a pair waits to be saved."""
        return self._held() is not None

    def keep(self, effect: Keep) -> None:
        """Hold a pair that could not be saved."""
        _unsaved[self._place()] = (effect.token, effect.after)

    def _forget(self, generation: int) -> Any:  # noqa: ANN401 - nothing, or an awaitable of it
        held = self._held()
        if held is not None:  # the store knows only the pair before it
            generation = held[1]
            self._drop(held)
        return self.store.forget(self.login, generation)

    def _try_store(self) -> Any:  # noqa: ANN401 - the same
        raise NotImplementedError

    def _place(self) -> Hashable:
        return self.store.identity, self.login

    def _held(self) -> Held | None:
        return _unsaved.get(self._place()) if _unsaved else None

    def _drop(self, held: Held) -> None:
        """Let go of a pair that was saved, or that a newer one has passed."""
        if _unsaved.get(self._place()) is held:
            _unsaved.pop(self._place(), None)

    def _overlaid(self, record: Record | StoreFailed) -> Record:
        """Return the record with the pair that could not be saved, while the store shows nothing newer.

        Raises:
            StoreFailed: it shows nothing at all, and no pair is held.
        """
        held = self._held()
        if held is not None and (isinstance(record, StoreFailed) or record.generation == held[1]):
            return Record(generation=held[0].generation, token=held[0])
        if isinstance(record, StoreFailed):
            raise record
        return record

    def _renewal(self, generation: int, attempt: int) -> Renewal:
        return Renewal(
            generation=generation, attempt=attempt, at=round(self._clock(), 3), by=f"{_host()}:{os.getpid()}"
        )


class Keeping(_Keeping[TokenStore]):
    """A login in a blocking store."""

    def load(self) -> Record:
        held = self._held()
        if held is not None:
            with suppress(StoreFailed):
                self.store.save(self.login, held[0], after=held[1], at=self._clock())
                self._drop(held)
        try:
            record: Record | StoreFailed = self.store.load(self.login)
        except StoreFailed as error:
            record = error
        return self._overlaid(record)

    def _try_store(self) -> None:
        self.store.load(self.login)  # a damaged record shows now, not when the sign-in is over
        self.store.check()


class AsyncKeeping(_Keeping[AsyncTokenStore]):
    """A login in an async store."""

    async def load(self) -> Record:
        held = self._held()
        if held is not None:
            with suppress(StoreFailed):
                await self.store.save(self.login, held[0], after=held[1], at=self._clock())
                self._drop(held)
        try:
            record: Record | StoreFailed = await self.store.load(self.login)
        except StoreFailed as error:
            record = error
        return self._overlaid(record)

    async def _try_store(self) -> None:
        await self.store.load(self.login)
        await self.store.check()


def _host() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "windows")  # pragma: no cover - Windows


def write_note(note: Note) -> None:
    """Write a flow's note to the log."""
    import logging  # noqa: PLC0415 - a program with a living token logs nothing

    level = logging.WARNING if note.warning else logging.INFO
    logging.getLogger("traktauth").log(level, "%s", note.message)
