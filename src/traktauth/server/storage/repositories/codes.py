"""Authorization codes and device codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.models import Code, DeviceCode
from traktauth.server.tokens import digest

if TYPE_CHECKING:
    from sqlite3 import Connection


def insert_statement(table: str, model: type[Code | DeviceCode]) -> str:
    """Return the statement that inserts a model without its first field, the id."""
    columns = model._fields[1:]
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names


class CodeRepository:
    """Authorization codes."""

    __slots__ = ("_run",)

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def find(self, code: str) -> Code | None:
        """Return an authorization code, also if it is spent or has expired."""
        found = self._run("SELECT * FROM codes WHERE hash = ?", (digest(code),)).fetchone()
        return None if found is None else Code(*found)

    def add(self, code: Code) -> None:
        """Store a new code."""
        self._run(insert_statement("codes", Code), code[1:])

    def spend(self, row: int) -> bool:
        """Spend a code; return whether this call did."""
        return self._run("UPDATE codes SET spent = 1 WHERE id = ? AND spent = 0", (row,)).rowcount == 1

    def end(self, client: int, user: int) -> None:
        """Spend every valid code of this client and user."""
        self._run("UPDATE codes SET spent = 1 WHERE client = ? AND user_id = ?", (client, user))

    def expire(self, row: int, *, now: float) -> None:
        """Let a code expire now."""
        self._run("UPDATE codes SET expires = ? WHERE id = ?", (now, row))


class DeviceCodeRepository:
    """Device codes."""

    __slots__ = ("_run",)

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def find(self, device_code: str) -> DeviceCode | None:
        """Return a device code, also if it is used or has expired."""
        found = self._run("SELECT * FROM device_codes WHERE hash = ?", (digest(device_code),)).fetchone()
        return None if found is None else DeviceCode(*found)

    def by_user_code(self, user_code: str) -> DeviceCode | None:
        """Return the device code with this user code."""
        row = self._run("SELECT * FROM device_codes WHERE user_code = ?", (user_code,)).fetchone()
        return None if row is None else DeviceCode(*row)

    def add(self, device: DeviceCode) -> None:
        """Store a new device code."""
        self._run(insert_statement("device_codes", DeviceCode), device[1:])

    def decide(self, row: int, status: str, *, user: int) -> bool:
        """Approve or deny a pending code; return whether it was pending."""
        statement = "UPDATE device_codes SET status = ?, user_id = ? WHERE id = ? AND status = 'pending'"
        return self._run(statement, (status, user, row)).rowcount == 1

    def deny_approved(self, client: int, user: int) -> None:
        """Deny what this user has approved for this client and no device has fetched yet."""
        statement = "UPDATE device_codes SET status = 'denied' WHERE client = ? AND user_id = ? AND status <> 'used'"
        self._run(statement, (client, user))

    def use(self, row: int) -> None:
        """Use an approved code up."""
        self._run("UPDATE device_codes SET status = 'used' WHERE id = ?", (row,))

    def record_poll(self, row: int, *, now: float) -> None:
        """Store when a code was polled."""
        self._run("UPDATE device_codes SET last_poll = ? WHERE id = ?", (now, row))

    def expire(self, row: int, *, now: float) -> None:
        """Let a code expire now."""
        self._run("UPDATE device_codes SET expires = ? WHERE id = ?", (now, row))

    def delete(self, row: int) -> None:
        """Delete a code."""
        self._run("DELETE FROM device_codes WHERE id = ?", (row,))
