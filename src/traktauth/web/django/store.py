"""A store in the project's database, on the ORM; a write is outside of the request's transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.db import Error, IntegrityError, OperationalError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet
from django.db.models.functions import Now

from traktauth.stores import TextStore
from traktauth.stores.database.lease import Backoff
from traktauth.timeouts import LEASE

_LONGEST_PAUSE = 0.25  # seconds between two looks at a lock that another holds
_of_a_test: dict[str, BaseDatabaseWrapper] = {}  # by alias: the connection in whose transaction a TestCase runs
_shared = threading.RLock()  # it is one connection for all threads of the test


class DjangoStore(TextStore):
    """Logins in the project's own database; `manage.py migrate` makes its two tables.

    It works in any process and thread of the project, with PostgreSQL, MySQL and SQLite. A token is saved outside of
    the request's transaction, so a rollback does not lose it. On SQLite, which has one writer, that fails while the
    request's transaction holds the lock, as under `ATOMIC_REQUESTS`.

    It may be made in the settings module, before the apps are ready.

    Args:
        using: which of `DATABASES`; by default where the router puts the app `traktauth`.
    """

    failures = (Error,)

    def __init__(self, using: str | None = None) -> None:
        super().__init__("django:")
        self._using = using

    @cached_property
    def using(self) -> str:
        """Return which of `DATABASES` it is in."""
        return self._using or router.db_for_write(apps.get_model("traktauth", "LoginRecord"))

    @property
    def address(self) -> str:
        """Return what `status` and errors show."""
        return f"django:{self.using}"

    @property
    def identity(self) -> Hashable:
        """Return what is equal for two objects over the same database, within one test in a `TestCase`."""
        return type(self), self.address, _test_of(self.using)

    def after_commit(self, work: Callable[[], None]) -> None:
        """Do something once this thread's transaction on the store's database is committed; at once without one.

        Before that, a row that the transaction has written would keep the store from writing on SQLite, and a rollback
        could not undo what was done. In a `TestCase` it is done only in `captureOnCommitCallbacks(execute=True)`.

        Args:
            work: is called without arguments; an exception in it is logged by Django.
        """
        transaction.on_commit(work, using=self.using, robust=True)

    def read(self, key: str) -> str | None:
        """Return the text under a key, or None."""
        with _own_connection(self.using):
            return self._rows("LoginRecord").filter(key=key).values_list("text", flat=True).first()

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Put a text in the place of another; return False if that is not there any more."""
        with _own_connection(self.using):
            if old is None:
                return self._insert(self._rows("LoginRecord"), key, text=new)
            return self._rows("LoginRecord").filter(key=key, text=old).update(text=new) == 1

    def keys(self) -> list[str]:
        """Return every key."""
        with _own_connection(self.using):
            return list(self._rows("LoginRecord").values_list("key", flat=True))

    @contextmanager
    def locked(self, key: str, timeout: float) -> Generator[bool]:
        """Hold a lease on a login; the value is False if another held it for `timeout` seconds."""
        owner, wait = uuid4().hex, Backoff(timeout, _LONGEST_PAUSE)
        while not (is_held := self._take(key, owner)) and (pause := wait.pause()):
            time.sleep(pause)
        try:
            yield is_held
        finally:
            if is_held:
                with _own_connection(self.using):
                    self._rows("LoginLock").filter(key=key, owner=owner).delete()

    def _rows(self, model: str) -> QuerySet[Any]:
        """Return all rows of a model, which can be imported once the apps are ready."""
        rows: QuerySet[Any] = apps.get_model("traktauth", model).objects.using(self.using)
        return rows

    def _take(self, key: str, owner: str) -> bool:
        until = Now() + timedelta(seconds=LEASE)
        with _own_connection(self.using):
            if self._rows("LoginLock").filter(key=key, until__lt=Now()).update(owner=owner, until=until):
                return True
            return self._insert(self._rows("LoginLock"), key, owner=owner, until=until)

    def _insert(self, rows: QuerySet[Any], key: str, **fields: object) -> bool:
        """Insert a row; return False if there is one with its key.

        `get_or_create` raises IntegrityError if the other row is gone when it looks for it.
        """
        if rows.filter(key=key).exists():
            return False
        try:
            with transaction.atomic(using=self.using):
                rows.create(key=key, **fields)
        except IntegrityError:
            return False
        return True


@contextmanager
def _own_connection(alias: str) -> Generator[None]:
    """Let the ORM use a connection on which a write is durable when it returns.

    - In a transaction (`ATOMIC_REQUESTS`, `atomic`) that is a connection of its own: a token that was refreshed must
      not be lost with the request's rollback.
    - In a `TestCase` it is the test's connection, in every thread, so that the test's rollback removes what was saved.
    - Otherwise it is the thread's connection, which is closed again if it was not open before: a thread that refreshes
      leaves none behind.

    Args:
        alias: which of `DATABASES`.
    """
    mine = connections[alias]
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
        separate = connections.create_connection(alias)
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


def _test_of(alias: str) -> Hashable:
    """Return what is equal within one test of a `TestCase`, and None outside of tests.

    The process remembers the newest token of each login, and must not bring one back that a test's rollback removed.
    """
    test = _connection_of_test(alias, connections[alias])
    return None if test is None else tuple(test.atomic_blocks[:2])  # the class's transaction, and the test's


def _connection_of_test(alias: str, mine: BaseDatabaseWrapper) -> BaseDatabaseWrapper | None:
    if _is_in_testcase(mine):
        _of_a_test[alias] = mine
        return mine
    known = _of_a_test.get(alias)
    if known is None or _is_in_testcase(known):
        return known
    _of_a_test.pop(alias, None)
    return None


def _is_in_testcase(connection: BaseDatabaseWrapper) -> bool:
    return connection.in_atomic_block and any(
        getattr(block, "_from_testcase", False) for block in connection.atomic_blocks[:1]
    )


@contextmanager
def _use_connection(alias: str, other: BaseDatabaseWrapper) -> Generator[None]:
    """Let this thread's ORM use another connection."""
    mine = connections[alias]
    connections[alias] = other
    try:
        yield
    finally:
        connections[alias] = mine
