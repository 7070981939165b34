"""Set-ups by name, and the patterns of case names that they belong to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interop.replay.compare import Difference
from interop.replay.talk import Scene, Talk

if TYPE_CHECKING:
    from interop.replay.cases import Case

Setup = Callable[[Talk], Scene]
Series = Callable[[Talk], list[Difference]]


class Setups:
    """A profile's set-ups.

    A case names its own (`given`), or its name fits a pattern, in which `*` stands for anything; of several, the
    longest counts.
    """

    def __init__(self) -> None:
        self.by_name: dict[str, Any] = {}
        self._patterns: dict[str, str] = {}

    def named(self, name: str, *patterns: str) -> Callable[[Callable[[Talk], Any]], Callable[[Talk], Any]]:
        """Register a function under a name, for cases whose name fits one of the patterns."""

        def register(function: Callable[[Talk], Any]) -> Callable[[Talk], Any]:
            if name in self.by_name:
                raise ValueError(f"two set-ups are named {name!r}")
            self.by_name[name] = function
            self._patterns |= dict.fromkeys(patterns, name)
            return function

        return register

    def of(self, case: Case) -> Callable[[Talk], Scene | list[Difference]] | None:
        """Give a case's set-up, None where it has none."""
        if case.given:
            return self.by_name[case.given]
        fitting = [pattern for pattern in self._patterns if fits(case.name, pattern)]
        return self.by_name[self._patterns[max(fitting, key=len)]] if fitting else None


def fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern, in which `*` stands for anything."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None


CURRENT, CLASSIC = Setups(), Setups()
