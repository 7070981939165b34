"""Authorization codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.models import Code
from traktauth.server.storage.repositories.insertion import insert_row

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class CodeRepository:
    """Authorization codes."""

    __slots__ = ("_db",)

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, row: int) -> Code | None:
        """Return the code with this row id, and lock it."""
        found = self._db.select_for_update("SELECT * FROM codes WHERE id = ?", (row,), table="codes")
        return None if found is None else Code(*found)

    def add(self, code: Code) -> int:
        """Store a new code; return its row id."""
        return insert_row(self._db, "codes", code)

    def spend(self, row: int) -> bool:
        """Spend a code; return whether this call did (a compare-and-swap)."""
        return self._db.execute("UPDATE codes SET spent = 1 WHERE id = ? AND spent = 0", (row,)) == 1

    def end(self, client: int, user: int) -> None:
        """Spend every valid code of this client and user."""
        self._db.execute("UPDATE codes SET spent = 1 WHERE client = ? AND user_id = ? AND spent = 0", (client, user))

    def link_tokens(self, row: int, pair: int) -> None:
        """Store which pair was issued for a code."""
        self._db.execute("UPDATE codes SET pair = ? WHERE id = ?", (pair, row))

    def expire(self, row: int, *, now: float) -> None:
        """Let a code expire now."""
        self._db.execute("UPDATE codes SET expires = ? WHERE id = ?", (now, row))
