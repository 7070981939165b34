"""A store in the project's database, on the ORM."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import Error, router
from django.db.models.functions import Now

from traktauth.stores import TextStore
from traktauth.stores.database.lease_backoff import Backoff, new_owner
from traktauth.timeouts import LEASE
from traktauth.web.django.connection import own_connection, test_of

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

_LONGEST_PAUSE = 0.25  # seconds between two looks at a lock that another holds


class DjangoStore(TextStore):
    """Logins in the project's own database; `manage.py migrate` makes its two tables.

    It works in any process and thread of the project, with PostgreSQL, MySQL and SQLite. A token is saved outside of
    the request's transaction, so a rollback does not lose it.

    Args:
        using: which of `DATABASES`; by default where the router puts the app `traktauth`.
    """

    failures = (Error,)

    def __init__(self, using: str | None = None) -> None:
        from traktauth.web.django.models import LoginLock, LoginRecord  # noqa: PLC0415 - once the apps are ready

        self.using = using or router.db_for_write(LoginRecord)
        super().__init__(f"django:{self.using}")
        self._records = LoginRecord.objects.using(self.using)
        self._locks = LoginLock.objects.using(self.using)

    @property
    def identity(self) -> Hashable:
        """Return what is equal for two objects over the same database, within one test in a `TestCase`."""
        return type(self), self._address, test_of(self.using)

    def read(self, key: str) -> str | None:
        """Return the text under a key, or None."""
        with own_connection(self.using):
            return self._records.filter(key=key).values_list("text", flat=True).first()

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Put a text in the place of another; return False if that is not there any more."""
        with own_connection(self.using):
            if old is None:
                return self._records.get_or_create(key=key, defaults={"text": new})[1]
            return self._records.filter(key=key, text=old).update(text=new) == 1

    def keys(self) -> list[str]:
        """Return every key."""
        with own_connection(self.using):
            return list(self._records.values_list("key", flat=True))

    @contextmanager
    def locked(self, key: str, timeout: float) -> Generator[bool]:
        """Hold a lease on a login; the value is False if another held it for `timeout` seconds."""
        owner, wait = new_owner(), Backoff(timeout, _LONGEST_PAUSE)
        while not (is_held := self._take(key, owner)) and (pause := wait.pause()):
            time.sleep(pause)
        try:
            yield is_held
        finally:
            if is_held:
                with own_connection(self.using):
                    self._locks.filter(key=key, owner=owner).delete()

    def _take(self, key: str, owner: str) -> bool:
        until = Now() + timedelta(seconds=LEASE)
        with own_connection(self.using):
            if self._locks.filter(key=key, until__lt=Now()).update(owner=owner, until=until):
                return True
            return self._locks.get_or_create(key=key, defaults={"owner": owner, "until": until})[1]
