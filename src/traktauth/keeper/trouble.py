"""The store's trouble, told when it begins and when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.keeper.events import Resumed, Stalled

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.errors import StoreFailed
    from traktauth.keeper.events import Event


class Trouble:
    """Whether the store does its work.

    Args:
        tell: hears of it.
        monotonic: seconds.
    """

    def __init__(self, tell: Callable[[Event], None], monotonic: Callable[[], float]) -> None:
        self._tell = tell
        self._monotonic = monotonic
        self._since: float | None = None

    def began(self, error: StoreFailed) -> None:
        """Take note of a failure; only the first is told."""
        if self._since is None:
            self._since = self._monotonic()
            self._tell(Stalled(f"{error.message}. {error.hint}"))

    def ended(self) -> None:
        """Take note that the store has done its work."""
        if self._since is not None:
            after, self._since = self._monotonic() - self._since, None
            self._tell(Resumed(after))
