"""Rows and logins as they are kept in Redis, and the names of their keys."""

from __future__ import annotations

import json
from typing import Any

from traktauth.models import LoginKey
from traktauth.models.record import FORMAT
from traktauth.stores.database.row import COLUMNS, Row

_NUMBERS = {"revision": int, "format": int, "generation": int, "expires_at": float, "due_at": float}
_READERS = tuple(
    {b"0": False, b"1": True}.__getitem__ if name == "refreshable" else _NUMBERS.get(name, bytes.decode)
    for name in COLUMNS
)
# Stands for a row with a field that cannot be parsed; reading its record raises.
_DAMAGED = Row(
    0, FORMAT, 0, None, None, refreshable=False, moved_to=None, pending_refresh=None, notifications="[]", payload=""
)


class RedisKeys:
    """The names of one store's keys, as a Redis has other tenants too; with Redis Cluster they are all in one slot.

    Args:
        prefix: what every key begins with.
    """

    def __init__(self, prefix: str) -> None:
        tag = f"{{{prefix}}}:"
        self.logins, self.trial, self.schema = f"{tag}logins", f"{tag}trial", f"{tag}schema"
        self.login, self.lease, self.due, self.budget = f"{tag}login:", f"{tag}lease:", f"{tag}due:", f"{tag}budget:"


class Arguments(tuple[object, ...]):
    """A command's arguments; they hold tokens, so they are not shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Arguments({len(self)})"


def member_of(login: LoginKey) -> str:
    """Return a login's name; JSON, so that no two are the same and none has to be escaped."""
    return json.dumps([login.realm, login.client_id, login.account])


def app_of(realm: str, client_id: str) -> str:
    """Return an app's name."""
    return json.dumps([realm, client_id])


def login_of(member: bytes) -> LoginKey:
    """Return the login of a name."""
    return LoginKey(*json.loads(member))


def score_of(row: Row) -> float | str:
    """Return when a keeper has to look: a pending refresh is nothing to it before the token has ended."""
    if row.due_at is None:
        return ""
    return max(row.due_at, row.expires_at or 0.0) if row.pending_refresh else row.due_at


def fields_of(row: Row) -> list[str | float]:
    """Return all columns, so that the hash is written by one command; nothing stands as an empty text."""
    fields: list[str | float] = []
    for name in COLUMNS:
        value = getattr(row, name)
        fields += [name, "" if value is None else int(value) if isinstance(value, bool) else value]
    return fields


def row_of(values: list[bytes | None]) -> Row | None:
    """Return the row of a hash; None if there is none."""
    if not any(values):
        return None
    try:
        columns: list[Any] = [read(value) if value else None for read, value in zip(_READERS, values, strict=True)]
    except (ValueError, KeyError):
        return _DAMAGED
    return Row(*columns)
