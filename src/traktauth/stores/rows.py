"""What a database keeps of a login: a row of columns that can be asked for, and the rest as one text.

A row's revision is new with every change and never comes back, so that *replace the row that I have read* is one
compare-and-swap in any database, and so that whoever lost the answer to one can see whether it was done.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from traktauth.models.due import due_at
from traktauth.models.record import EMPTY
from traktauth.stores.documents import members_of, to_document, to_record
from traktauth.stores.sealing import is_sealed_newest, key_of_seal, sealed, unsealed
from traktauth.stores.unreadable import unreadable

if TYPE_CHECKING:
    from traktauth.models import Login, Record
    from traktauth.stores.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Row:
    """One login's row.

    Attributes:
        revision: 63 random bits, new with every change.
        format: of the row; see `traktauth.models.record.FORMAT`.
        generation: of the newest pair.
        expires_at: Unix seconds; None where no pair is stored.
        due_at: Unix seconds when a keeper looks at the pair, to renew it or to tell that it ends; None: never.
        renewable: whether the refresh token may be used.
        moved: where the login lies now, if it was moved.
        renewal: the open renewal as JSON, if any.
        told: what a person was told of this generation, as a JSON list.
        rest: the pair and what else there is, as JSON or sealed.
    """

    revision: int
    format: int
    generation: int
    expires_at: float | None
    due_at: float | None
    renewable: bool
    moved: str | None
    renewal: str | None
    told: str
    rest: str


COLUMNS = tuple(Row.__dataclass_fields__)


def to_row(login: Login, record: Record, sealer: Sealer | None, *, before: Row | None = None) -> Row:
    """Return the row of a record, with a revision of its own; what belongs to a generation stays while it does."""
    document = sealed(to_document(login, record), sealer)
    for name in ("realm", "client_id", "account"):
        del document[name]
    token, renewal = record.token, document.pop("renewal")
    same = before is not None and before.generation == record.generation
    due = before.due_at if before and same else None
    return Row(
        revision=new_revision(),
        format=document.pop("format"),
        generation=document.pop("generation"),
        expires_at=document.pop("expires_at", None if token is None else token.expires_at),
        due_at=None if token is None else due if due is not None else due_at(login, token),
        renewable=document.pop("renewable"),
        moved=document.pop("moved"),
        renewal=None if renewal is None else json.dumps(renewal),
        told=before.told if before and same else "[]",
        rest=json.dumps(document),
    )


def new_revision() -> int:
    """Return 63 random bits, but not 0, which stands for a row without a record."""
    return int.from_bytes(os.urandom(8), "big") >> 1 or 1


def with_told(row: Row, what: str) -> Row | None:
    """Return the row with a note that `what` was told; None where it stands there already."""
    told: list[str] = json.loads(row.told)
    return None if what in told else replace(row, told=json.dumps([*told, what]), revision=new_revision())


def needs_sealing(row: Row, sealer: Sealer) -> bool:
    """Tell whether a row is not sealed with the newest key."""
    try:
        return not is_sealed_newest(json.loads(row.rest), sealer)
    except (ValueError, AttributeError):
        return True


def key_of_row(row: Row) -> str | None:
    """Return the id of the key that a row is sealed with; None where it is with none, or cannot be told."""
    try:
        return key_of_seal(json.loads(row.rest))
    except (ValueError, TypeError, RecursionError):
        return None


def from_row(login: Login, row: Row | None, sealer: Sealer | None) -> Record:
    """Return the record in a row; an empty one where there is none.

    Raises:
        StoreFailed: it is damaged, of a later version, or sealed with a key that is not at hand.
    """
    if row is None:
        return EMPTY
    try:
        document: Any = json.loads(row.rest)
        document = {
            **document,
            **members_of(login),
            "format": row.format,
            "generation": row.generation,
            "renewable": row.renewable,
            "moved": row.moved,
            "renewal": None if row.renewal is None else json.loads(row.renewal),
        }
        if "sealed" in document:
            document["expires_at"] = row.expires_at
        return to_record(unsealed(document, sealer))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise unreadable("A login's record is damaged; it is left as it is") from None
