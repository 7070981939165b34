"""The compare-and-swap loop of every store that can replace an entry only if it is still the one that was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from traktauth.errors import StoreFailed

Entry = TypeVar("Entry")

MAX_ATTEMPTS = 1000  # each failed one means that another writer succeeded


def compare_and_swap(
    step: Callable[[Entry | None], Entry | None],
    read: Callable[[], Entry | None],
    swap: Callable[[Entry | None, Entry], bool],
    *,
    revision: Callable[[Entry], int] | None = None,
) -> bool:
    """Take a step on the newest entry of a login; repeat it if another writer came before.

    Args:
        step: returns the new entry; None if there is nothing to change.
        read: returns the entry; None if there is none.
        swap: replaces the entry if it is still the given one, and returns whether it did.
        revision: returns what is new with every write of an entry, so that a write whose response was lost is not
            repeated; None if entries have no such thing.

    Returns:
        False if there was nothing to change.

    Raises:
        StoreFailed: other writers always came first.
    """
    written: int | None = None  # a revision
    for _ in range(MAX_ATTEMPTS):
        seen = read()
        if seen is not None and revision is not None and revision(seen) == written:
            return True
        new = step(seen)
        if new is None:
            return False
        if revision is not None:
            written = revision(new)
        if swap(seen, new):
            return True
    raise StoreFailed("Other programs kept changing this login, so it could not be changed")
