"""What is done to the tables as a whole: counting, forgetting, remembering the server's own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection

LIVING = """SELECT count(*) FROM pair JOIN family ON family.id = pair.family
            WHERE pair.epoch = family.epoch AND {kind}_ended IS NULL"""


class Upkeep:
    """Housekeeping and counts."""

    __slots__ = ("_on",)

    def __init__(self, on: Connection) -> None:
        self._on = on

    def alive(self, *, now: float) -> dict[str, int]:
        """Count the living access and refresh tokens."""
        access = self._on.one(LIVING.format(kind="access") + " AND access_expires > ?", (now,))
        refresh = self._on.one(
            LIVING.format(kind="refresh")
            + " AND refresh_hash IS NOT NULL AND (refresh_expires IS NULL OR refresh_expires > ?)",
            (now,),
        )
        return {"access": access[0] if access else 0, "refresh": refresh[0] if refresh else 0}

    def forget_tokens(self) -> None:
        """Forget tokens, codes, sessions and consents; apps and people stay."""
        for table in ("pair", "family", "code", "device", "session", "consent"):
            self._on.run(f"DELETE FROM {table}")  # noqa: S608 - the names stand one line above

    def sweep(self, *, now: float, above: int, rows: int) -> int:
        """Delete what has been dead for a day among the next *rows* pairs; give where to go on, 0 at the end."""
        long_ago = now - 86400
        for table in ("code", "device", "session"):
            self._on.run(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires < ? LIMIT ?)",  # noqa: S608 - as above
                (long_ago, rows),
            )
        last = self._on.one(
            "SELECT max(id) FROM (SELECT id FROM pair WHERE id > ? ORDER BY id LIMIT ?) AS next", (above, rows)
        )
        if last is None or last[0] is None:
            return 0
        self._on.run(
            """DELETE FROM pair WHERE id > ? AND id <= ? AND access_expires < ?
               AND (refresh_hash IS NULL OR refresh_expires < ?)""",
            (above, last[0], long_ago, long_ago),
        )
        return int(last[0])

    def setting(self, name: str) -> str | None:
        """Give a remembered setting."""
        row = self._on.one("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else str(row[0])

    def settled(self, name: str, value: str) -> str:
        """Remember a setting unless there is one of that name; give what holds from now on."""
        self._on.run("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value))
        return self.setting(name) or value

    def remember(self, name: str, value: str) -> None:
        """Remember a setting."""
        statement = (
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        )
        self._on.run(statement, (name, value))
