"""Setups by name: functions that prepare the state a recorded case needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fidelity.replay.compare import Difference
from fidelity.replay.session import Session, State

Setup = Callable[[Session], State | list[Difference]]


class Setups(dict[str, Any]):
    """The setups of a profile; a case names its own (`setup`)."""

    def register(self, name: str) -> Callable[[Callable[[Session], Any]], Callable[[Session], Any]]:
        """Register a function under a name."""

        def add(function: Callable[[Session], Any]) -> Callable[[Session], Any]:
            if name in self:
                raise ValueError(f"two setups are named {name!r}")
            self[name] = function
            return function

        return add


CURRENT, CLASSIC = Setups(), Setups()
