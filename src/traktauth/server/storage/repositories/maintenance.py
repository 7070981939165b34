"""Operations on the tables as a whole: deletion, and a check whether they can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.repositories.settings import SettingRepository
from traktauth.server.storage.schema import COLUMNS

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection

WRITTEN = {table: columns for table, columns in COLUMNS.items() if table != "meta"}


class MaintenanceRepository:
    """Clean-up, and the check of a start."""

    __slots__ = ("_db",)

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def delete_tokens(self) -> None:
        """Delete tokens, codes, sessions and consents; clients and users stay."""
        for table in ("token_pairs", "families", "codes", "device_codes", "sessions", "consents"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand one line above

    def purge_expired(self, *, before: float, above: int, rows: int) -> int:
        """Delete what expired before a time among the next *rows* pairs; return where to go on, 0 at the end."""
        for table in ("codes", "device_codes", "sessions"):
            self._db.execute(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires < ? LIMIT ?)",  # noqa: S608 - as above
                (before, rows),
            )
        last = self._db.fetchone(
            "SELECT max(id) FROM (SELECT id FROM token_pairs WHERE id > ? ORDER BY id LIMIT ?) AS next", (above, rows)
        )
        if last is None or last[0] is None:
            return 0
        self._db.execute(
            """DELETE FROM token_pairs WHERE id > ? AND id <= ? AND access_expires < ?
               AND (refresh_hash IS NULL OR refresh_expires < ?)""",
            (above, last[0], before, before),
        )
        return int(last[0])

    def check_writable(self) -> None:
        """Run the statements of requests on each table, without changing a row.

        An error of the database shows a missing table or column, a missing permission, and damage at the place where
        the next row would be written.
        """
        for table, columns in WRITTEN.items():
            newest = " ORDER BY id DESC" if "id" in columns else ""
            self._db.fetchone(f"SELECT * FROM {table}{newest} LIMIT 1")  # noqa: S608 - our own names
            names, first = ", ".join(columns), columns[0]
            self._db.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table} WHERE 1 = 0")  # noqa: S608 - as above
            self._db.execute(f"UPDATE {table} SET {first} = {first} WHERE 1 = 0")  # noqa: S608 - as above
        SettingRepository(self._db).set("ready", "")
