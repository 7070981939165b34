"""People and the browsers they are signed in with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.records import Person, Session

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class People:
    """Users and sessions."""

    __slots__ = ("_on",)

    def __init__(self, on: Connection) -> None:
        self._on = on

    def named(self, username: str) -> Person | None:
        """Give the user of this name."""
        row = self._on.one("SELECT * FROM person WHERE username = ?", (username,))
        return None if row is None else Person(*row)

    def numbered(self, number: int) -> Person | None:
        """Give the user in this row."""
        row = self._on.one("SELECT * FROM person WHERE id = ?", (number,))
        return None if row is None else Person(*row)

    def all(self) -> list[Person]:
        """Give every user, the oldest first."""
        return [Person(*row) for row in self._on.all("SELECT * FROM person ORDER BY id")]

    def save(self, username: str, *, email: str, password_hash: str | None, now: float) -> Person:
        """Make a user, or bring the one of that name into line."""
        row = self._on.one(
            """INSERT INTO person (username, email, password_hash, created) VALUES (?, ?, ?, ?)
               ON CONFLICT (username) DO UPDATE SET email = excluded.email, password_hash = excluded.password_hash
               RETURNING *""",
            (username, email, password_hash, now),
        )
        return Person(*row)  # type: ignore[misc] # RETURNING always gives a row here

    def added(self, username: str, *, email: str, password_hash: str | None, now: float) -> Person | None:
        """Make a user; None where there is one of that name."""
        row = self._on.one(
            """INSERT INTO person (username, email, password_hash, created) VALUES (?, ?, ?, ?)
               ON CONFLICT DO NOTHING RETURNING *""",
            (username, email, password_hash, now),
        )
        return None if row is None else Person(*row)

    def named_or_made(self, username: str, *, now: float) -> Person:
        """Give the user of this name, made without a password if there was none."""
        email = f"{username}@example.test"
        made = self.named(username) or self.added(username, email=email, password_hash=None, now=now)
        found = made or self.named(username)  # somebody else has just been faster
        if found is None:
            raise RuntimeError("a user that was just made is gone")
        return found

    def session(self, number: int) -> Session | None:
        """Give the session in this row."""
        row = self._on.one("SELECT * FROM session WHERE id = ?", (number,))
        return None if row is None else Session(*row)

    def sign_in(self, person: int, *, digest: bytes, now: float, life: float) -> int:
        """Begin a session; give its row's number."""
        return self._on.add(
            "INSERT INTO session (hash, person, created, expires) VALUES (?, ?, ?, ?)",
            (digest, person, now, now + life),
        )

    def sign_out(self, number: int) -> None:
        """End one session."""
        self._on.run("DELETE FROM session WHERE id = ?", (number,))

    def sign_everyone_out(self) -> None:
        """End every session."""
        self._on.run("DELETE FROM session")
