"""The server's own settings, and operations on the tables as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Connection


class SettingRepository:
    """The server's own settings by name, such as the key that forms are signed with."""

    __slots__ = ("_run",)

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def get(self, name: str) -> str | None:
        """Return a setting, None if it is not set."""
        row = self._run("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        """Set a setting."""
        self._run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


class MaintenanceRepository:
    """Clean-up."""

    __slots__ = ("_run",)

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def delete_tokens(self) -> None:
        """Delete tokens, codes, sessions and consents; clients and users stay."""
        for table in ("token_pairs", "families", "codes", "device_codes", "sessions", "consents"):
            self._run(f"DELETE FROM {table}")  # noqa: S608 - the names stand one line above

    def purge_expired(self, *, before: float, above: int, rows: int) -> int:
        """Delete what expired before a time among the next *rows* pairs; return where to go on, 0 at the end."""
        for table in ("codes", "device_codes", "sessions"):
            self._run(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires < ? LIMIT ?)",  # noqa: S608 - as above
                (before, rows),
            )
        (last,) = self._run(
            "SELECT max(id) FROM (SELECT id FROM token_pairs WHERE id > ? ORDER BY id LIMIT ?)", (above, rows)
        ).fetchone()
        if last is None:
            return 0
        self._run(
            """DELETE FROM token_pairs WHERE id > ? AND id <= ? AND access_expires < ?
               AND (refresh_hash IS NULL OR refresh_expires < ?)""",
            (above, last, before, before),
        )
        return int(last)
