"""Servers that are started once in a run and handed out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from .engines import Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from .process import Server


class Engine(Protocol):
    """A server under its control class."""

    server: Server

    def reset(self) -> None: ...


E = TypeVar("E", bound=Engine)


class Pool(Generic[E]):
    """One server for each environment that is asked for; each is reset when it is handed out again."""

    def __init__(self, start: Callable[..., E]) -> None:
        self._start = start
        self._running: dict[frozenset[tuple[str, str]], E] = {}
        self._missing: Missing | None = None

    def __call__(self, **env: str) -> E:
        if self._missing:
            raise self._missing
        key = frozenset(env.items())
        if key in self._running and self._running[key].server.process.poll() is None:
            self._running[key].reset()
            return self._running[key]
        try:
            self._running[key] = self._start(**env)
        except Missing as missing:
            self._missing = missing  # what is absent now is absent for the whole run
            raise
        return self._running[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for engine in self._running.values():
            engine.server.stop()
