"""The tables of `DjangoStore`: records of logins, and who holds a login's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime


class LoginRecord(models.Model):
    """What is kept of a login, as a text under a key; see `traktauth.stores.TextStore`."""

    key: models.CharField[str, str] = models.CharField(max_length=64, primary_key=True)
    text: models.TextField[str, str] = models.TextField()

    class Meta:
        """The table's name."""

        db_table = "traktauth_django_login"

    def __str__(self) -> str:
        return f"{self.key[:8]}…"  # the text holds tokens


class LoginLock(models.Model):
    """A lease on a login; it ends by the database's clock, if its holder dies."""

    key: models.CharField[str, str] = models.CharField(max_length=64, primary_key=True)
    owner: models.CharField[str, str] = models.CharField(max_length=32)
    until: models.DateTimeField[Any, datetime] = models.DateTimeField()

    class Meta:
        """The table's name."""

        db_table = "traktauth_django_lock"

    def __str__(self) -> str:
        return f"{self.key[:8]}…"
