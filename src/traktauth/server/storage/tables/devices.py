"""Device codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.records import Device

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class Devices:
    """Device codes."""

    __slots__ = ("_on",)

    def __init__(self, on: Connection) -> None:
        self._on = on

    def numbered(self, number: int) -> Device | None:
        """Give the device code in this row."""
        row = self._on.held("SELECT * FROM device WHERE id = ?", (number,), table="device")
        return None if row is None else Device(*row)

    def shown_as(self, user_code: str) -> Device | None:
        """Give the device code with this user code."""
        row = self._on.one("SELECT * FROM device WHERE user_code = ?", (user_code,))
        return None if row is None else Device(*row)

    def add(self, device: Device) -> int:
        """Keep a fresh device code; give its row's number."""
        return self._on.add(
            """INSERT INTO device (hash, user_code, app, scope, challenge, status, person, expires, last_poll)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            tuple(device)[1:],
        )

    def answer(self, number: int, status: str, *, person: int) -> bool:
        """Approve or deny a pending code; whether it was still pending."""
        statement = "UPDATE device SET status = ?, person = ? WHERE id = ? AND status = 'pending'"
        return self._on.run(statement, (status, person, number)) == 1

    def refuse(self, app: int, person: int) -> None:
        """Deny what this person has approved for this app and no device has fetched yet."""
        statement = "UPDATE device SET status = 'denied' WHERE app = ? AND person = ? AND status <> 'used'"
        self._on.run(statement, (app, person))

    def use(self, number: int) -> bool:
        """Use an approved code up; whether it was this call that did (a compare-and-swap)."""
        return self._on.run("UPDATE device SET status = 'used' WHERE id = ? AND status = 'approved'", (number,)) == 1

    def polled(self, number: int, *, now: float) -> None:
        """Remember when a code was polled."""
        self._on.run("UPDATE device SET last_poll = ? WHERE id = ?", (now, number))

    def expire(self, number: int, *, now: float) -> None:
        """Let a code expire now."""
        self._on.run("UPDATE device SET expires = ? WHERE id = ?", (now, number))

    def remove(self, number: int) -> None:
        """Forget a code."""
        self._on.run("DELETE FROM device WHERE id = ?", (number,))
