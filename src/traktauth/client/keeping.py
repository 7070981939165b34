"""Store effects, performed for one login."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from traktauth.errors import StoreFailed
from traktauth.flow.effects import Begin, Cancel, Effect, Forget, Keep, Load, Mark, Note, Save, TryStore
from traktauth.models import Record, Renewal
from traktauth.stores.abase import AsyncTokenStore
from traktauth.stores.base import TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.models import Login, Token

Store = TypeVar("Store", TokenStore, AsyncTokenStore)


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
        self._unsaved: tuple[Token, int] | None = None

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
        return None if self._unsaved else self.store.peek(self.login)

    def load(self) -> Any:  # noqa: ANN401 - a record, or an awaitable of one
        """Return the record; a pair that could not be saved is saved now, or at least served."""
        raise NotImplementedError

    def keep(self, effect: Keep) -> None:
        """Hold a pair that could not be saved."""
        self._unsaved = (effect.token, effect.after)

    def _forget(self, generation: int) -> Any:  # noqa: ANN401 - nothing, or an awaitable of it
        if self._unsaved is not None:  # the store knows only the pair before it
            generation, self._unsaved = self._unsaved[1], None
        return self.store.forget(self.login, generation)

    def _try_store(self) -> Any:  # noqa: ANN401 - the same
        raise NotImplementedError

    def _overlaid(self, record: Record) -> Record:
        """Return the record with the pair that could not be saved, while the store holds nothing newer."""
        if self._unsaved is None:
            return record
        token, after = self._unsaved
        return Record(generation=token.generation, token=token) if record.generation == after else record

    def _renewal(self, generation: int, attempt: int) -> Renewal:
        return Renewal(
            generation=generation, attempt=attempt, at=round(self._clock(), 3), by=f"{_host()}:{os.getpid()}"
        )


class Keeping(_Keeping[TokenStore]):
    """A login in a blocking store."""

    def __init__(self, store: TokenStore, login: Login, clock: Callable[[], float]) -> None:
        super().__init__(store, login, clock)
        self._lock = threading.Lock()

    def load(self) -> Record:
        if self._unsaved is not None:
            with self._lock:
                self._save_again()
        return self._overlaid(self.store.load(self.login))

    def _save_again(self) -> None:
        if self._unsaved is not None:
            token, after = self._unsaved
            try:
                self.store.save(self.login, token, after=after, at=self._clock())
            except StoreFailed:
                return
            self._unsaved = None

    def _try_store(self) -> None:
        self.store.load(self.login)  # a damaged record shows now, not when the sign-in is over
        self.store.check()


class AsyncKeeping(_Keeping[AsyncTokenStore]):
    """A login in an async store."""

    async def load(self) -> Record:
        unsaved = self._unsaved
        if unsaved is not None:
            token, after = unsaved
            try:
                await self.store.save(self.login, token, after=after, at=self._clock())
            except StoreFailed:
                pass
            else:
                self._unsaved = None
        return self._overlaid(await self.store.load(self.login))

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
