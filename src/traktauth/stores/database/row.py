"""What a database keeps of a login: a row of columns that can be asked for, and the rest as one text.

A row's revision is new with every change and never comes back, so that *replace the row that I have read* is one
compare-and-swap in any database, and so that a writer that lost the response can see whether it was done.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from typing import Any

from traktauth.models import LoginKey, Record
from traktauth.models.refresh_window import due_at
from traktauth.stores.encryption import CLEAR, Cipher, is_sealed_newest, key_of_seal, seal, unseal
from traktauth.stores.errors import unreadable
from traktauth.stores.record_json import to_document, to_record


@dataclass(frozen=True, slots=True)
class Row:
    """One login's row.

    Attributes:
        revision: 63 random bits, new with every change.
        format: of the row; see `traktauth.models.record.FORMAT`.
        generation: of the newest token.
        expires_at: Unix seconds; None if no token is stored.
        due_at: Unix seconds when a keeper looks at the token, to refresh it or to report that it expires; None: never.
        refreshable: whether the refresh token may be used.
        moved_to: the address of the store that the login was moved to, if it was.
        pending_refresh: the pending refresh as JSON, if any.
        notifications: what the user was told of this generation, as a JSON list.
        payload: the token and the record's other members, as JSON or sealed.
    """

    revision: int
    format: int
    generation: int
    expires_at: float | None
    due_at: float | None
    refreshable: bool
    moved_to: str | None
    pending_refresh: str | None
    notifications: str
    payload: str = field(repr=False)


COLUMNS = tuple(Row.__dataclass_fields__)


def to_row(login: LoginKey, record: Record, cipher: Cipher | None, *, before: Row | None = None) -> Row:
    """Return the row of a record, with a revision of its own; what belongs to a generation stays while it does."""
    document = seal(to_document(login, record), cipher)
    for name in ("realm", "client_id", "account"):
        del document[name]
    token, pending = record.token, document.pop("pending_refresh")
    same = before is not None and before.generation == record.generation
    due = before.due_at if before and same else None
    return Row(
        revision=new_revision(),
        format=document.pop("format"),
        generation=document.pop("generation"),
        expires_at=document.pop("expires_at", None if token is None else token.expires_at),
        due_at=None if token is None else due if due is not None else due_at(login, token),
        refreshable=document.pop("refreshable"),
        moved_to=document.pop("moved_to"),
        pending_refresh=None if pending is None else json.dumps(pending),
        notifications=before.notifications if before and same else "[]",
        payload=json.dumps(document),
    )


def new_revision() -> int:
    """Return 63 random bits, but not 0, which stands for a row without a record."""
    return int.from_bytes(os.urandom(8), "big") >> 1 or 1


def with_notification(row: Row, what: str) -> Row | None:
    """Return the row with a note that the user was told `what`; None if that is recorded already."""
    known: list[str] = json.loads(row.notifications)
    return None if what in known else replace(row, notifications=json.dumps([*known, what]), revision=new_revision())


def needs_sealing(row: Row, cipher: Cipher) -> bool:
    """Return whether a row is not sealed with the newest key."""
    try:
        return not is_sealed_newest(json.loads(row.payload), cipher)
    except (ValueError, AttributeError):
        return True


def key_of_row(row: Row) -> str | None:
    """Return the id of the key that a row is sealed with; None if it is not sealed, or cannot be read."""
    try:
        return key_of_seal(json.loads(row.payload))
    except (ValueError, TypeError, RecursionError):
        return None


def from_row(login: LoginKey, row: Row, cipher: Cipher | None) -> Record:
    """Return the record in a row.

    Raises:
        StoreFailed: it is damaged, of a later version, or sealed with a missing key.
    """
    try:
        payload: Any = json.loads(row.payload)
        pending = None if row.pending_refresh is None else json.loads(row.pending_refresh)
        name = (login.realm, login.client_id, login.account)
        columns = (row.format, *name, row.generation, row.refreshable, pending, row.moved_to)
        document = {**payload, **dict(zip(CLEAR, columns, strict=True))}
        if "sealed" in document:
            document["expires_at"] = row.expires_at
        return to_record(unseal(document, cipher))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise unreadable("A login's record is damaged; it is left as it is") from None
