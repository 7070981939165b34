"""The compare-and-swap loop of every store that can replace an entry only if it is still the one that was read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey

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
    steps: Sequence[tuple[LoginKey, Step[Entry]]],
    read: Callable[[tuple[LoginKey, ...]], Operation[dict[LoginKey, Entry]]],
    swap: Callable[[list[tuple[LoginKey, Entry | None, Entry]]], Operation[set[LoginKey]]],
    *,
    revision: Callable[[Entry], int] | None = None,
    known: dict[LoginKey, Entry] | None = None,
) -> Operation[list[bool | StoreFailed]]:
    """Take each step on the newest entry of its login; repeat those that another writer came before.

    Args:
        steps: of two steps of one login, the second waits for the first.
        read: returns the entries of some logins; those without one are left out.
        swap: replaces entries that are still the given ones, and returns the logins for which it did.
        revision: returns what is new with every write of an entry, so that a write whose response was lost is not
            repeated; None if entries have no such thing.
        known: entries as they were a moment ago, which need not be read first; emptied.

    Returns:
        For each step whether it was taken; or the error that it raised.

    Raises:
        StoreFailed: other writers always came first.
    """
    results: list[bool | StoreFailed] = [False] * len(steps)
    pending = list(range(len(steps)))
    written: dict[int, int] = {}  # revisions
    known = {} if known is None else known
    for _ in range(MAX_ATTEMPTS):
        if not pending:
            return results
        current: dict[LoginKey, int] = {}
        for number in pending:
            current.setdefault(steps[number][0], number)
        guesses = {login: known.pop(login) for login in current if login in known}
        unread = tuple(login for login in current if login not in guesses)
        found = guesses | (yield from read(unread)) if unread else guesses
        swaps: list[tuple[LoginKey, Entry | None, Entry]] = []
        for login, number in current.items():
            seen = found.get(login)
            new = _take(steps[number][1], seen, written.get(number), revision)
            if not isinstance(new, bool | StoreFailed):
                swaps.append((login, seen, new))
                if revision is not None:
                    written[number] = revision(new)
            elif new is not False or login not in guesses:
                results[number] = new
                pending.remove(number)
        swapped = (yield from swap(swaps)) if swaps else set[LoginKey]()
        for login in swapped:
            results[current[login]] = True
            pending.remove(current[login])
    raise StoreFailed("Other programs kept changing this login, so it could not be changed")


def _take(
    step: Step[Entry], seen: Entry | None, written: int | None, revision: Callable[[Entry], int] | None
) -> Entry | bool | StoreFailed:
    """Return the new entry; True if it was written and the response lost, False if there is nothing to change."""
    if seen is not None and revision is not None and revision(seen) == written:
        return True
    try:
        new = step(seen)
    except StoreFailed as error:
        return error
    return False if new is None else new
