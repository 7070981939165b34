"""Users and their sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.models import Session, User
from traktauth.server.tokens import digest

if TYPE_CHECKING:
    from sqlite3 import Connection


class UserRepository:
    """Users and sessions."""

    __slots__ = ("_run",)

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def by_username(self, username: str) -> User | None:
        """Return the user with this name."""
        row = self._run("SELECT * FROM users WHERE username = ?", (username,)).fetchone()
        return None if row is None else User(*row)

    def get(self, row: int) -> User | None:
        """Return the user with this row id."""
        found = self._run("SELECT * FROM users WHERE id = ?", (row,)).fetchone()
        return None if found is None else User(*found)

    def all(self) -> list[User]:
        """Return every user, the oldest first."""
        return [User(*row) for row in self._run("SELECT * FROM users ORDER BY id")]

    def save(self, username: str, *, email: str, password_hash: str | None, now: float) -> User:
        """Insert a user, or update the one with this name."""
        row = self._run(
            """INSERT INTO users (username, email, password_hash, created) VALUES (?, ?, ?, ?)
               ON CONFLICT (username) DO UPDATE SET email = excluded.email, password_hash = excluded.password_hash
               RETURNING *""",
            (username, email, password_hash, now),
        ).fetchone()
        return User(*row)

    def get_or_create(self, username: str, *, now: float) -> User:
        """Return the user with this name, created without a password if it does not exist."""
        user = self.by_username(username)
        return user or self.save(username, email=f"{username}@example.test", password_hash=None, now=now)

    def session(self, row: int) -> Session | None:
        """Return the session with this row id."""
        found = self._run("SELECT * FROM sessions WHERE id = ?", (row,)).fetchone()
        return None if found is None else Session(*found)

    def session_by_token(self, token: str, *, now: float) -> Session | None:
        """Return the session that a cookie belongs to, if it has not expired."""
        found = self._run("SELECT * FROM sessions WHERE hash = ? AND expires > ?", (digest(token), now)).fetchone()
        return None if found is None else Session(*found)

    def create_session(self, user: int, token: str, *, now: float, lifetime: float) -> Session:
        """Store a new session, which *token* is the cookie of."""
        insert = "INSERT INTO sessions (hash, user_id, created, expires) VALUES (?, ?, ?, ?) RETURNING *"
        return Session(*self._run(insert, (digest(token), user, now, now + lifetime)).fetchone())

    def delete_session(self, row: int) -> None:
        """End one session."""
        self._run("DELETE FROM sessions WHERE id = ?", (row,))

    def sign_user_out(self, user: int) -> None:
        """End every session of a user."""
        self._run("DELETE FROM sessions WHERE user_id = ?", (user,))

    def delete_all_sessions(self) -> None:
        """End every session."""
        self._run("DELETE FROM sessions")
