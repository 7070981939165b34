"""Authorization codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.records import Code

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class Codes:
    """Authorization codes."""

    __slots__ = ("_on",)

    def __init__(self, on: Connection) -> None:
        self._on = on

    def numbered(self, number: int) -> Code | None:
        """Give the code in this row."""
        row = self._on.held("SELECT * FROM code WHERE id = ?", (number,), table="code")
        return None if row is None else Code(*row)

    def add(self, code: Code) -> int:
        """Keep a fresh code; give its row's number."""
        return self._on.add(
            """INSERT INTO code (hash, app, person, session, redirect_uri, scope, challenge, method, nonce, expires,
                                 spent, pair) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            tuple(code)[1:],
        )

    def spend(self, number: int) -> bool:
        """Use a code up; whether it was this call that did (a compare-and-swap)."""
        return self._on.run("UPDATE code SET spent = 1 WHERE id = ? AND spent = 0", (number,)) == 1

    def end(self, app: int, person: int) -> None:
        """Use up every code of this app and person that still is good."""
        self._on.run("UPDATE code SET spent = 1 WHERE app = ? AND person = ? AND spent = 0", (app, person))

    def yielded(self, number: int, pair: int) -> None:
        """Remember which pair was issued for a code."""
        self._on.run("UPDATE code SET pair = ? WHERE id = ?", (pair, number))

    def expire(self, number: int, *, now: float) -> None:
        """Let a code expire now."""
        self._on.run("UPDATE code SET expires = ? WHERE id = ?", (now, number))
