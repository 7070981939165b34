"""Device codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.models import DeviceCode
from traktauth.server.storage.repositories.insertion import insert_row

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class DeviceCodeRepository:
    """Device codes."""

    __slots__ = ("_db",)

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, row: int) -> DeviceCode | None:
        """Return the device code with this row id, and lock it."""
        found = self._db.select_for_update("SELECT * FROM device_codes WHERE id = ?", (row,), table="device_codes")
        return None if found is None else DeviceCode(*found)

    def by_user_code(self, user_code: str) -> DeviceCode | None:
        """Return the device code with this user code."""
        row = self._db.fetchone("SELECT * FROM device_codes WHERE user_code = ?", (user_code,))
        return None if row is None else DeviceCode(*row)

    def add(self, device: DeviceCode) -> int:
        """Store a new device code; return its row id."""
        return insert_row(self._db, "device_codes", device)

    def decide(self, row: int, status: str, *, user: int) -> bool:
        """Approve or deny a pending code; return whether it was pending."""
        statement = "UPDATE device_codes SET status = ?, user_id = ? WHERE id = ? AND status = 'pending'"
        return self._db.execute(statement, (status, user, row)) == 1

    def deny_approved(self, client: int, user: int) -> None:
        """Deny what this user has approved for this client and no device has fetched yet."""
        statement = "UPDATE device_codes SET status = 'denied' WHERE client = ? AND user_id = ? AND status <> 'used'"
        self._db.execute(statement, (client, user))

    def use(self, row: int) -> bool:
        """Use an approved code up; return whether this call did (a compare-and-swap)."""
        statement = "UPDATE device_codes SET status = 'used' WHERE id = ? AND status = 'approved'"
        return self._db.execute(statement, (row,)) == 1

    def record_poll(self, row: int, *, now: float) -> None:
        """Store when a code was polled."""
        self._db.execute("UPDATE device_codes SET last_poll = ? WHERE id = ?", (now, row))

    def expire(self, row: int, *, now: float) -> None:
        """Let a code expire now."""
        self._db.execute("UPDATE device_codes SET expires = ? WHERE id = ?", (now, row))

    def delete(self, row: int) -> None:
        """Delete a code."""
        self._db.execute("DELETE FROM device_codes WHERE id = ?", (row,))
