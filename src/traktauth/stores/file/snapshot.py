"""What the file of a file store held at one time."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any, cast

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey
from traktauth.models.record import EMPTY, FORMAT, Record, erased_entry
from traktauth.stores.encryption.envelope import Cipher, unseal
from traktauth.stores.errors import MOVE_AWAY, Hidden, move_away_hint, unreadable, without_frames
from traktauth.stores.record_json import login_of, to_record

LARGEST = 64 * 1024 * 1024  # bytes of a file that is read

Signature = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the file held when its signature was this one; `strays` are entries that name no login."""

    signature: Signature | None
    documents: dict[LoginKey, dict[str, Any]] = field(repr=False)
    strays: list[Any] = field(repr=False)
    records: dict[LoginKey, Record] = field(repr=False)

    def record(self, login: LoginKey, cipher: Cipher | None) -> Record:
        """Return a login's record, and know it from now on."""
        if login not in self.documents and self.strays:
            raise unreadable("The store holds a damaged entry that may be this login's; it is left as it is")
        key = login if login in self.documents or not login.account else erased_entry(login)
        record = without_frames(lambda: _to_record(self.documents.get(key), cipher))
        if key != login:  # an erased login's entry is not encrypted, so only its generation counts
            record = Record(generation=record.generation)
        self.records[login] = record
        return record

    def content(
        self,
        login: LoginKey | None = None,
        entry: LoginKey | None = None,
        document: Hidden[dict[str, Any]] | None = None,
    ) -> Hidden[bytes]:
        """Return the content of a file that holds what this one did; with a document as `entry` instead of `login`."""
        documents = self.documents
        if login is not None and entry is not None and document is not None:
            documents = {key: value for key, value in documents.items() if key != login or key == entry}
            documents[entry] = document.value
        return _content(Hidden([*documents.values(), *self.strays]))


NOTHING = Snapshot(None, {}, [], {})


def _content(entries: Hidden[list[Any]]) -> Hidden[bytes]:
    return Hidden(json.dumps({"format": FORMAT, "logins": entries.value}, indent=1).encode())


def signature_of(status: os.stat_result) -> Signature:
    """Return what changes whenever the file, its owner or its mode does."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode, status.st_uid


def parse(content: Hidden[bytes], path: str) -> tuple[dict[LoginKey, dict[str, Any]], list[Any]]:
    """Return the entries by login, and those that name none: they are kept as they are, and hide no other."""
    version, entries = _read(content)
    if version is None:
        raise StoreFailed(
            f"{path} cannot be read: it is damaged, or another program's; it is left as it is",
            hint=MOVE_AWAY,
            hint_command=move_away_hint(path),
        )
    if version != FORMAT:
        raise StoreFailed(
            f"{path} has the format {version}; this version of traktauth reads format {FORMAT}; it is left as it is",
            hint="Use the version of traktauth that wrote it, or choose another store and sign in again",
        )
    return _by_login(entries)


def _read(content: Hidden[bytes]) -> tuple[int | None, Hidden[list[Any]]]:
    """Return the format and the entries; None for the format of a file that is not ours."""
    nothing: Hidden[list[Any]] = Hidden([])
    try:
        document: Any = json.loads(content.value)
        version, entries = document["format"], Hidden[Any](document.get("logins"))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None, nothing
    if type(version) is not int:
        return None, nothing
    if version != FORMAT:
        return version, nothing
    return (version, entries) if type(entries.value) is list else (None, nothing)


def _by_login(entries: Hidden[list[Any]]) -> tuple[dict[LoginKey, dict[str, Any]], list[Any]]:
    logins: dict[LoginKey, dict[str, Any]] = {}
    strays: list[Any] = []
    for entry in entries.value:
        try:
            logins[login_of(entry)] = cast("dict[str, Any]", entry)
        except StoreFailed:
            strays.append(entry)
    return logins, strays


def _to_record(document: dict[str, Any] | None, cipher: Cipher | None) -> Record:
    try:
        return EMPTY if document is None else to_record(unseal(document, cipher))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise unreadable("A login's record is damaged; it is left as it is") from None
