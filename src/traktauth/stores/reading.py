"""From rows to records, without reading the same row twice; and, where that is wanted, without asking at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from traktauth.stores.rows import from_row, needs_sealing

if TYPE_CHECKING:
    from traktauth.models import Login, Record
    from traktauth.stores.rows import Row
    from traktauth.stores.sealing import Sealer

V = TypeVar("V")

_MOST = 1024  # logins that are remembered; a keeper's million must not be


class Reading:
    """What one store object has read.

    Args:
        sealer: opens what is sealed.
        cache: seconds for which a record is taken for known.
    """

    def __init__(self, sealer: Sealer | None, cache: float) -> None:
        self._sealer = sealer
        self._cache = cache
        self._parsed: dict[Login, tuple[Row, Record]] = {}
        self._known: dict[Login, tuple[float, Record]] = {}

    def record(self, login: Login, row: Row | None, *, known: bool = True) -> Record:
        """Return the record in a row, and know it from now on.

        Raises:
            StoreFailed: as for `from_row`.
        """
        parsed = self._parsed.get(login)
        if parsed is not None and parsed[0] == row:
            record = parsed[1]
        else:
            record = from_row(login, row, self._sealer)
            if row is not None:
                _put(self._parsed, login, (row, record))
        if known and self._cache:
            _put(self._known, login, (time.monotonic() + self._cache, record))
        return record

    def learn(self, login: Login, row: Row, record: Record) -> None:
        """Know a row that was just written, so that it need not be taken apart again."""
        _put(self._parsed, login, (row, record))

    def known(self, login: Login) -> Record | None:
        """Return the record that was read a short while ago, if it was."""
        if not self._cache:
            return None
        until, record = self._known.get(login, (0.0, None))
        return record if time.monotonic() < until else None

    def forget(self, login: Login) -> None:
        """Take nothing about a login for known."""
        self._known.pop(login, None)

    def needs_sealing(self, row: Row | None) -> bool:
        """Tell whether a row is not sealed with the newest key."""
        return row is not None and self._sealer is not None and needs_sealing(row, self._sealer)


def _put(table: dict[Login, V], login: Login, value: V) -> None:
    if len(table) >= _MOST:
        table.clear()
    table[login] = value
