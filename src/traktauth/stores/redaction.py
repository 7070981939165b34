"""Keep tokens out of what error reporters collect: the local variables of the frames that an error has passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from traktauth.errors import StoreFailed

T = TypeVar("T")


class Hidden(Generic[T]):
    """A value that its `repr` does not show."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Hidden(…)"


def without_frames(work: Callable[[], T]) -> T:
    """Return what `work` returns; a StoreFailed that it raises loses the frames of `work`, whose locals hold tokens.

    Raises:
        StoreFailed: what `work` raises.
    """
    try:
        return work()
    except StoreFailed as error:
        failed = error.with_traceback(None)
    raise failed
