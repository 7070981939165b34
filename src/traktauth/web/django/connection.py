"""A database connection for the store: outside of the request's transaction, and closed if the store opened it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, connections

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

_of_a_test: dict[str, Any] = {}  # by alias: the connection in whose transaction a TestCase runs
_shared = threading.RLock()  # it is one connection for all threads of the test


@contextmanager
def own_connection(alias: str) -> Generator[None]:
    """Let the ORM use a connection on which a write is durable when it returns.

    - In a transaction (`ATOMIC_REQUESTS`, `atomic`) that is a connection of its own: a token that was refreshed must
      not be lost with the request's rollback.
    - In a `TestCase` it is the test's connection, in every thread, so that the test's rollback removes what was saved.
    - Otherwise it is the thread's connection, which is closed again if it was not open before: a thread that refreshes
      leaves none behind.

    Args:
        alias: which of `DATABASES`.
    """
    mine: Any = connections[alias]
    test = _connection_of_test(alias, mine)
    if test is mine:
        with _shared:
            yield
    elif test is not None:
        test.inc_thread_sharing()
        try:
            with _shared, _use_connection(alias, test):
                yield
        finally:
            test.dec_thread_sharing()
    elif mine.in_atomic_block:
        separate: Any = connections.create_connection(alias)
        try:
            with _use_connection(alias, separate):
                yield
        except OperationalError as error:
            if mine.vendor != "sqlite" or "locked" not in str(error):
                raise
            # SQLite has one writer, and this thread waits: no other connection can end the transaction.
            cause = "by this request's own transaction (ATOMIC_REQUESTS, atomic), or by another process"
            raise OperationalError(f"{error}, {cause}") from error
        finally:
            separate.close()
    else:
        was_open = mine.connection is not None
        if was_open and mine.errors_occurred and not mine.is_usable():
            mine.close()  # the server has ended it; the next query opens another
        try:
            yield
        finally:
            if not was_open:
                mine.close()


def test_of(alias: str) -> Hashable:
    """Return what is equal within one test of a `TestCase`, and None outside of tests.

    The process remembers the newest token of each login, and must not bring one back that a test's rollback removed.
    """
    test = _connection_of_test(alias, connections[alias])
    return None if test is None else tuple(test.atomic_blocks[:2])  # the class's transaction, and the test's


def _connection_of_test(alias: str, mine: Any) -> Any:  # noqa: ANN401 - a DatabaseWrapper, or None
    if _is_in_testcase(mine):
        _of_a_test[alias] = mine
        return mine
    known = _of_a_test.get(alias)
    if known is None or _is_in_testcase(known):
        return known
    _of_a_test.pop(alias, None)
    return None


def _is_in_testcase(connection: Any) -> bool:  # noqa: ANN401 - a DatabaseWrapper
    return connection.in_atomic_block and any(
        getattr(block, "_from_testcase", False) for block in connection.atomic_blocks[:1]
    )


@contextmanager
def _use_connection(alias: str, other: Any) -> Generator[None]:  # noqa: ANN401 - a DatabaseWrapper
    """Let this thread's ORM use another connection."""
    mine = connections[alias]
    connections[alias] = other
    try:
        yield
    finally:
        connections[alias] = mine
