"""Store effects, performed for one login: what both drivers share."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from traktauth.errors import StoreFailed
from traktauth.flow.effects import Begin, Cancel, Effect, Forget, Keep, Load, Mark, Note, Save, TryStore
from traktauth.models import Record, Renewal

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.models import Login, Token
    from traktauth.stores.base import TokenStore


class Keeping:
    """One login in one store, and the pair that could not be saved there yet, if any.

    Args:
        store: where.
        login: whose.
        clock: Unix seconds.
    """

    def __init__(self, store: TokenStore, login: Login, clock: Callable[[], float]) -> None:
        self.store = store
        self.login = login
        self._clock = clock
        self._unsaved: tuple[Token, int] | None = None
        self._lock = threading.Lock()

    def call(self, effect: Effect[Any]) -> Callable[[], Any] | None:
        """Return what performs a store effect; None where it is another kind of effect."""
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

    def load(self) -> Record:
        """Return the record; a pair that could not be saved is saved now, or at least served."""
        if self._unsaved is not None:
            with self._lock:
                self._save_again()
        record = self.store.load(self.login)
        if self._unsaved is None:
            return record
        token, after = self._unsaved
        return Record(generation=token.generation, token=token) if record.generation == after else record

    def keep(self, effect: Keep) -> None:
        """Hold a pair that could not be saved."""
        with self._lock:
            self._unsaved = (effect.token, effect.after)

    def _save_again(self) -> None:
        if self._unsaved is None:
            return
        token, after = self._unsaved
        try:
            self.store.save(self.login, token, after=after, at=self._clock())
        except StoreFailed:
            return
        self._unsaved = None

    def _forget(self, generation: int) -> None:
        self.store.forget(self.login, generation)
        self._unsaved = None

    def _try_store(self) -> None:
        self.store.load(self.login)  # a damaged record shows now, not when the sign-in is over
        self.store.check()

    def _renewal(self, generation: int, attempt: int) -> Renewal:
        return Renewal(
            generation=generation, attempt=attempt, at=round(self._clock(), 3), by=f"{_host()}:{os.getpid()}"
        )


def _host() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "windows")  # pragma: no cover - Windows


def write_note(note: Note) -> None:
    """Write a flow's note to the log."""
    import logging  # noqa: PLC0415 - a program with a living token logs nothing

    level = logging.WARNING if note.warning else logging.INFO
    logging.getLogger("traktauth").log(level, "%s", note.message)
