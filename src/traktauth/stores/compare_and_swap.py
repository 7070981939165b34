"""The compare-and-swap loop of every store that can replace an entry only if it is still the one that was read."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from traktauth.errors import StoreFailed

T = TypeVar("T")
Entry = TypeVar("Entry")

Operation = Generator[Any, Any, T]
"""Yields commands, is sent their results (see `run`), and returns a *T*."""
Step = Callable[[Entry | None], Entry | None]
"""Returns the new entry of a login; None if there is nothing to change."""

MAX_ATTEMPTS = 1000  # each failed one means that another writer succeeded


def run(operation: Operation[T], perform: Callable[[Any], Any]) -> T:
    """Run an operation to its end; `perform` executes its commands."""
    try:
        command = next(operation)
        while True:
            try:
                result = perform(command)
            except BaseException as error:  # noqa: BLE001 - the operation handles or raises it
                command = operation.throw(error)
            else:
                command = operation.send(result)
    except StopIteration as end:
        done: T = end.value
        return done


def compare_and_swap(
    step: Step[Entry],
    read: Callable[[], Operation[Entry | None]],
    swap: Callable[[Entry | None, Entry], Operation[bool]],
    *,
    revision: Callable[[Entry], int] | None = None,
) -> Operation[bool]:
    """Take a step on the newest entry of a login; repeat it if another writer came before.

    Args:
        step: returns the new entry.
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
        seen = yield from read()
        if seen is not None and revision is not None and revision(seen) == written:
            return True
        new = step(seen)
        if new is None:
            return False
        if revision is not None:
            written = revision(new)
        if (yield from swap(seen, new)):
            return True
    raise StoreFailed("Other programs kept changing this login, so it could not be changed")
