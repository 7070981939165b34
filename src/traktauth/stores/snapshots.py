"""What the file of a file store held at one time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from traktauth.errors import StoreFailed
from traktauth.models.record import EMPTY, FORMAT
from traktauth.stores.documents import login_of, to_record
from traktauth.stores.sealing import unsealed
from traktauth.stores.unreadable import unreadable

if TYPE_CHECKING:
    import os

    from traktauth.models import Login, Record
    from traktauth.stores.sealing import Sealer

LARGEST = 64 * 1024 * 1024  # bytes of a file that is read

Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the file held when its signature was this one; `strays` are entries that name no login."""

    signature: Signature | None
    documents: dict[Login, dict[str, Any]]
    strays: list[Any]
    records: dict[Login, Record]

    def record(self, login: Login, sealer: Sealer | None) -> Record:
        """Return a login's record, and know it from now on."""
        document = self.documents.get(login)
        if document is None and self.strays:
            raise unreadable("The store holds a damaged entry that may be this login's; it is left as it is")
        try:
            record = EMPTY if document is None else to_record(unsealed(document, sealer))
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise unreadable("A login's record is damaged; it is left as it is") from None
        self.records[login] = record
        return record


def signature_of(status: os.stat_result) -> Signature:
    """Return what changes whenever the file does."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def parse(content: bytes, path: str) -> tuple[dict[Login, dict[str, Any]], list[Any]]:
    """Return the entries by login, and those that name none: they are kept as they are, and hide no other."""
    entries: list[Any] = []
    try:
        document: Any = json.loads(content)
        version, entries = document["format"], cast("list[Any]", document.get("logins"))
        foreign = type(version) is not int or (version == FORMAT and type(entries) is not list)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        version, foreign = None, True
    if foreign:
        raise StoreFailed(
            f"{path} cannot be read: it is damaged, or another program's; it is left as it is",
            hint="Move it away or restore it from a backup, then: traktauth login",
        )
    if version != FORMAT:
        raise StoreFailed(
            f"{path} has the format {version}; this version of traktauth reads {FORMAT}",
            hint="Use the version of traktauth that wrote it, or a later one",
        )
    logins: dict[Login, dict[str, Any]] = {}
    strays: list[Any] = []
    for entry in entries:
        try:
            logins[login_of(entry)] = cast("dict[str, Any]", entry)
        except StoreFailed:
            strays.append(entry)
    return logins, strays
