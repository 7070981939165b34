"""Users and their sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.models import Session, User

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class UserRepository:
    """Users and sessions."""

    __slots__ = ("_db",)

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def by_username(self, username: str) -> User | None:
        """Return the user with this name."""
        row = self._db.fetchone("SELECT * FROM users WHERE username = ?", (username,))
        return None if row is None else User(*row)

    def get(self, row: int) -> User | None:
        """Return the user with this row id."""
        found = self._db.fetchone("SELECT * FROM users WHERE id = ?", (row,))
        return None if found is None else User(*found)

    def all(self) -> list[User]:
        """Return every user, the oldest first."""
        return [User(*row) for row in self._db.fetchall("SELECT * FROM users ORDER BY id")]

    def save(self, username: str, *, email: str, password_hash: str | None, now: float) -> User:
        """Insert a user, or update the one with this name."""
        row = self._db.fetchone(
            """INSERT INTO users (username, email, password_hash, created) VALUES (?, ?, ?, ?)
               ON CONFLICT (username) DO UPDATE SET email = excluded.email, password_hash = excluded.password_hash
               RETURNING *""",
            (username, email, password_hash, now),
        )
        return User(*row)  # type: ignore[misc] # RETURNING always returns a row here

    def create(self, username: str, *, email: str, password_hash: str | None, now: float) -> User | None:
        """Insert a user; return None if the name is taken."""
        row = self._db.fetchone(
            """INSERT INTO users (username, email, password_hash, created) VALUES (?, ?, ?, ?)
               ON CONFLICT DO NOTHING RETURNING *""",
            (username, email, password_hash, now),
        )
        return None if row is None else User(*row)

    def get_or_create(self, username: str, *, now: float) -> User:
        """Return the user with this name, created without a password if it does not exist."""
        email = f"{username}@example.test"
        user = self.by_username(username) or self.create(username, email=email, password_hash=None, now=now)
        return user or self.save(username, email=email, password_hash=None, now=now)

    def session(self, row: int) -> Session | None:
        """Return the session with this row id."""
        found = self._db.fetchone("SELECT * FROM sessions WHERE id = ?", (row,))
        return None if found is None else Session(*found)

    def create_session(self, user: int, *, digest: bytes, now: float, life: float) -> int:
        """Store a new session; return its row id."""
        return self._db.insert(
            "INSERT INTO sessions (hash, user_id, created, expires) VALUES (?, ?, ?, ?)",
            (digest, user, now, now + life),
        )

    def delete_session(self, row: int) -> None:
        """End one session."""
        self._db.execute("DELETE FROM sessions WHERE id = ?", (row,))

    def sign_user_out(self, user: int) -> None:
        """End every session of a user."""
        self._db.execute("DELETE FROM sessions WHERE user_id = ?", (user,))

    def delete_all_sessions(self) -> None:
        """End every session."""
        self._db.execute("DELETE FROM sessions")
