"""From rows to records, without parsing the same row twice."""

from __future__ import annotations

from typing import TypeVar

from traktauth.models import LoginKey, Record
from traktauth.stores.database.row import Row, from_row, needs_sealing
from traktauth.stores.encryption.envelope import Cipher
from traktauth.stores.redaction import without_frames

V = TypeVar("V")

_MOST = 1024  # logins that are remembered; a keeper's million must not be


class RowCache:
    """What one store object has read.

    Args:
        cipher: decrypts what is encrypted.
    """

    def __init__(self, cipher: Cipher | None) -> None:
        self._cipher = cipher
        self._parsed: dict[LoginKey, tuple[Row, Record]] = {}

    def record(self, login: LoginKey, row: Row | None) -> Record:
        """Return the record in a row, and keep it with the row.

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
        return record

    def learn(self, login: LoginKey, row: Row, record: Record) -> None:
        """Remember a row that was just written, so that it need not be parsed again."""
        _put(self._parsed, login, (row, record))

    def needs_sealing(self, row: Row | None) -> bool:
        """Return whether a row is not sealed with the newest key."""
        return row is not None and self._cipher is not None and needs_sealing(row, self._cipher)


def _put(table: dict[LoginKey, V], login: LoginKey, value: V) -> None:
    if len(table) >= _MOST:
        table.clear()
    table[login] = value
