"""Token pairs and their families."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.models import TokenPair
from traktauth.server.tokens import IssuedTokens, digest, generate_token

if TYPE_CHECKING:
    from sqlite3 import Connection

    from traktauth.server.tokens import Lifetimes

NO_USER = 0
"""The user id of a token that a client got for itself."""
INSERT = """INSERT INTO token_pairs (family, epoch, client, user_id, session, scope, created, access_hash,
                                     access_lifetime, access_expires, refresh_hash, refresh_expires, parent)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
FIND = """SELECT token_pairs.*, families.epoch, users.id FROM token_pairs
          JOIN families ON families.id = token_pairs.family
          LEFT JOIN users ON users.id = token_pairs.user_id WHERE """
FIND_BY_ID = f"{FIND} token_pairs.id = ?"
FIND_BY_ACCESS = f"{FIND} token_pairs.access_hash = ? AND token_pairs.epoch = families.epoch"
FIND_BY_REFRESH = f"{FIND} token_pairs.refresh_hash = ? AND token_pairs.epoch = families.epoch"
COUNT_ACTIVE = """SELECT count(*) FROM token_pairs JOIN families ON families.id = token_pairs.family
                  WHERE token_pairs.epoch = families.epoch AND """


class TokenRepository:
    """Token pairs; a family is all pairs of one client and user with a refresh token, or all without."""

    __slots__ = ("_run",)

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def get(self, row: int) -> TokenPair | None:
        """Return the pair with this row id."""
        return self._find(FIND_BY_ID, row)

    def by_access_token(self, token: str) -> TokenPair | None:
        """Return the pair with this access token, also if it has ended or expired; see `by_refresh_token`."""
        return self._find(FIND_BY_ACCESS, digest(token))

    def by_refresh_token(self, token: str) -> TokenPair | None:
        """Return the pair with this refresh token, also if it has ended or expired.

        A pair whose family was revoked is not found, as the engine that was measured deletes it.
        """
        return self._find(FIND_BY_REFRESH, digest(token))

    def _find(self, statement: str, value: int | bytes) -> TokenPair | None:
        found = self._run(statement, (value,)).fetchone()
        return None if found is None else TokenPair(*found)

    def issue(
        self,
        lifetimes: Lifetimes,
        *,
        now: float,
        client: int,
        user: int,
        scope: str,
        session: int | None = None,
        refreshable: bool = True,
        family: tuple[int, int] | None = None,
        parent: int | None = None,
    ) -> IssuedTokens:
        """Issue a pair and store its hashes.

        Args:
            lifetimes: how long the tokens are valid.
            now: the time, in seconds.
            client: the client's row id.
            user: the user's row id, `NO_USER` if the client gets a token for itself.
            scope: the tokens' scope.
            session: the row id of the login that the pair comes from.
            refreshable: whether a refresh token is issued.
            family: the family's row id and epoch; None to look them up.
            parent: the pair that it is issued for, kept until the new one is first used.
        """
        access, refresh = generate_token(), generate_token() if refreshable else None
        family_id, epoch = family or self.family(client, user, refreshable=refreshable)
        lifetime = lifetimes.access
        refresh_expires = now + lifetimes.refresh if refresh and lifetimes.refresh else None
        row = self._run(INSERT, (
            family_id, epoch, client, user, session, scope, now, digest(access), lifetime, now + lifetime,
            digest(refresh) if refresh else None, refresh_expires, parent,
        )).lastrowid or 0  # fmt: skip
        return IssuedTokens(access, refresh, lifetime, int(now), scope, pair=row)

    def family(self, client: int, user: int, *, refreshable: bool) -> tuple[int, int]:
        """Return the row id and epoch of a family, which is made if it does not exist."""
        key = (client, user, int(refreshable))
        find = "SELECT id, epoch FROM families WHERE client = ? AND user_id = ? AND refreshable = ?"
        row: tuple[int, int] | None = self._run(find, key).fetchone()
        if row is not None:
            return row
        insert = "INSERT INTO families (client, user_id, refreshable, epoch) VALUES (?, ?, ?, 0)"
        return self._run(insert, key).lastrowid or 0, 0

    def revoke_family(self, client: int, user: int) -> bool:
        """Revoke every pair of this client and user that has a refresh token; return whether there was a family.

        Pairs without a refresh token stay valid, as in the engine that was measured.
        """
        statement = "UPDATE families SET epoch = epoch + 1 WHERE client = ? AND user_id = ? AND refreshable = 1"
        return self._run(statement, (client, user)).rowcount > 0

    def end_all(self, client: int, user: int) -> None:
        """Revoke every pair of this client and user."""
        self._run("UPDATE families SET epoch = epoch + 1 WHERE client = ? AND user_id = ?", (client, user))

    def end_client(self, client: int) -> None:
        """Revoke every pair of this client."""
        self._run("UPDATE families SET epoch = epoch + 1 WHERE client = ?", (client,))

    def end_refresh(self, row: int, reason: str) -> bool:
        """End a refresh token; return whether this call did."""
        statement = "UPDATE token_pairs SET refresh_ended = ? WHERE id = ? AND refresh_ended IS NULL"
        return self._run(statement, (reason, row)).rowcount == 1

    def end_access(self, row: int, reason: str) -> bool:
        """End an access token; return whether this call did."""
        statement = "UPDATE token_pairs SET access_ended = ? WHERE id = ? AND access_ended IS NULL"
        return self._run(statement, (reason, row)).rowcount == 1

    def cache_response(self, row: int, response: str, *, now: float, until: float) -> None:
        """Store the response to the refresh of this pair; delete those that must not be repeated any more."""
        self._run("UPDATE token_pairs SET cached_response = ?, cached_until = ? WHERE id = ?", (response, until, row))
        statement = "UPDATE token_pairs SET cached_response = NULL, cached_until = NULL WHERE cached_until <= ?"
        self._run(statement, (now,))

    def clear_parent(self, row: int) -> None:
        """Note that a pair's access token has been used for the first time."""
        self._run("UPDATE token_pairs SET parent = NULL WHERE id = ?", (row,))

    def expire(self, row: int, kind: str, *, now: float) -> None:
        """Let the `access` or the `refresh` token of a pair expire now."""
        column = {"access": "access_expires", "refresh": "refresh_expires"}[kind]
        self._run(f"UPDATE token_pairs SET {column} = ? WHERE id = ?", (now, row))  # noqa: S608 - our own names

    def count_active(self, *, now: float) -> dict[str, int]:
        """Count the valid access and refresh tokens."""
        (access,) = self._run(f"{COUNT_ACTIVE} access_ended IS NULL AND access_expires > ?", (now,)).fetchone()
        statement = f"""{COUNT_ACTIVE} refresh_ended IS NULL AND refresh_hash IS NOT NULL
                        AND (refresh_expires IS NULL OR refresh_expires > ?)"""
        return {"access": access, "refresh": self._run(statement, (now,)).fetchone()[0]}
