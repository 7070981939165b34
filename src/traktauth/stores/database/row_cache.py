"""From rows to records, without reading the same row twice; and, where that is wanted, without asking at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from traktauth.stores.database.row import from_row, needs_sealing
from traktauth.stores.redaction import without_frames

if TYPE_CHECKING:
    from traktauth.models import LoginKey, Record
    from traktauth.stores.database.row import Row
    from traktauth.stores.encryption.envelope import Cipher

V = TypeVar("V")

_MOST = 1024  # logins that are remembered; a keeper's million must not be


class RowCache:
    """What one store object has read.

    Args:
        sealer: opens what is sealed.
        cache: seconds for which a record is taken for known.
    """

    def __init__(self, cipher: Cipher | None, cache: float) -> None:
        self._cipher = cipher
        self._cache = cache
        self._parsed: dict[LoginKey, tuple[Row, Record]] = {}
        self._known: dict[LoginKey, tuple[float, Record]] = {}

    def record(self, login: LoginKey, row: Row | None, *, known: bool = True) -> Record:
        """Return the record in a row, and know it from now on.

        Raises:
            StoreFailed: as for `from_row`.
        """
        parsed = self._parsed.get(login)
        if parsed is not None and parsed[0] == row:
            record = parsed[1]
        else:
            record = without_frames(lambda: from_row(login, row, self._cipher))
            if row is not None:
                _put(self._parsed, login, (row, record))
        if known and self._cache:
            _put(self._known, login, (time.monotonic() + self._cache, record))
        return record

    def learn(self, login: LoginKey, row: Row, record: Record) -> None:
        """Remember a row that was just written, so that it need not be parsed again."""
        _put(self._parsed, login, (row, record))

    def find_fresh(self, login: LoginKey) -> Record | None:
        """Return the record that was read a short while ago, if it was."""
        if not self._cache:
            return None
        until, record = self._known.get(login, (0.0, None))
        return record if time.monotonic() < until else None

    def forget(self, login: LoginKey) -> None:
        """Take nothing about a login for known."""
        self._known.pop(login, None)

    def needs_sealing(self, row: Row | None) -> bool:
        """Return whether a row is not sealed with the newest key."""
        return row is not None and self._cipher is not None and needs_sealing(row, self._cipher)


def _put(table: dict[LoginKey, V], login: LoginKey, value: V) -> None:
    if len(table) >= _MOST:
        table.clear()
    table[login] = value
