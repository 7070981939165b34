"""The server's own settings, such as the key that forms are signed with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class SettingRepository:
    """Settings by name."""

    __slots__ = ("_db",)

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, name: str) -> str | None:
        """Return a setting, None if it is not set."""
        row = self._db.fetchone("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else str(row[0])

    def setdefault(self, name: str, value: str) -> str:
        """Set a setting unless it is set; return its value from now on."""
        self._db.execute("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value))
        return self.get(name) or value

    def set(self, name: str, value: str) -> None:
        """Set a setting."""
        statement = (
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        )
        self._db.execute(statement, (name, value))
