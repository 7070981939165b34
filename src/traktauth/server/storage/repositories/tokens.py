"""Token pairs and their families."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.models import TokenPair
from traktauth.server.tokens import IssuedTokens, generate_token, generate_token_pair, row_id, verify_token

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection
    from traktauth.server.tokens import Lifetimes

NO_USER = 0
"""The user id of a token that a client got for itself."""
INSERT = """INSERT INTO token_pairs (family, epoch, client, user_id, session, scope, created, access_hash,
                                     access_lifetime, access_expires, refresh_hash, refresh_expires, parent)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
FIND = """SELECT token_pairs.*, families.epoch, users.id FROM token_pairs
          JOIN families ON families.id = token_pairs.family
          LEFT JOIN users ON users.id = token_pairs.user_id WHERE token_pairs.id = ?"""
COUNT_ACTIVE = """SELECT count(*) FROM token_pairs JOIN families ON families.id = token_pairs.family
                  WHERE token_pairs.epoch = families.epoch AND {kind}_ended IS NULL"""


class TokenRepository:
    """Token pairs; a family is all pairs of one client and user with a refresh token, or all without."""

    __slots__ = ("_db",)

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, row: int) -> TokenPair | None:
        """Return the pair with this row id, and lock it."""
        found = self._db.select_for_update(FIND, (row,), table="token_pairs")
        return None if found is None else TokenPair._make(found)

    def by_access_token(self, token: str) -> TokenPair | None:
        """Return the pair with this access token, also if it has ended or expired; see `by_refresh_token`."""
        pair = self._by_token(token)
        return pair if pair is not None and verify_token(token, pair.access_hash) else None

    def by_refresh_token(self, token: str) -> TokenPair | None:
        """Return the pair with this refresh token, also if it has ended or expired.

        A pair whose family was revoked is not found, as the engine that was measured deletes it.
        """
        pair = self._by_token(token)
        return pair if pair is not None and verify_token(token, pair.refresh_hash) else None

    def _by_token(self, token: str) -> TokenPair | None:
        row = row_id(token)
        pair = self.get(row) if row else None
        return pair if pair is not None and pair.epoch == pair.family_epoch else None

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
        access, refresh = generate_token_pair() if refreshable else (generate_token(), None)
        family_id, epoch = family or self.family(client, user, refreshable=refreshable)
        lifetime = lifetimes.access
        refresh_expires = now + lifetimes.refresh if refresh and lifetimes.refresh else None
        row = self._db.insert(INSERT, (
            family_id, epoch, client, user, session, scope, now, access.hash, lifetime, now + lifetime,
            refresh and refresh.hash, refresh_expires, parent,
        ))  # fmt: skip
        token = refresh.with_row_id(row) if refresh else None
        return IssuedTokens(access.with_row_id(row), token, lifetime, int(now), scope)

    def family(self, client: int, user: int, *, refreshable: bool) -> tuple[int, int]:
        """Return the row id and epoch of a family, which is made if it does not exist."""
        key = (client, user, int(refreshable))
        find = "SELECT id, epoch FROM families WHERE client = ? AND user_id = ? AND refreshable = ?"
        row = self._db.fetchone(find, key)
        if row is None:
            self._db.execute(
                "INSERT INTO families (client, user_id, refreshable, epoch) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING",
                key,
            )
            row = self._db.fetchone(find, key)
        return row  # type: ignore[return-value] # it was inserted a line above, or by another transaction

    def kill_family(self, client: int, user: int, *, epoch: int | None = None) -> bool:
        """Revoke every pair of this client and user that has a refresh token; return whether there was a family.

        With *epoch* only those from before it ended: of two concurrent replays the second must not revoke what was
        issued at a login after the first. Pairs without a refresh token stay valid, as in the engine that was measured.
        """
        statement = "UPDATE families SET epoch = epoch + 1 WHERE client = ? AND user_id = ? AND refreshable = 1"
        if epoch is None:
            return self._db.execute(statement, (client, user)) > 0
        return self._db.execute(f"{statement} AND epoch = ?", (client, user, epoch)) > 0

    def end_all(self, client: int, user: int) -> None:
        """Revoke every pair of this client and user."""
        self._db.execute("UPDATE families SET epoch = epoch + 1 WHERE client = ? AND user_id = ?", (client, user))

    def end_client(self, client: int) -> None:
        """Revoke every pair of this client."""
        self._db.execute("UPDATE families SET epoch = epoch + 1 WHERE client = ?", (client,))

    def end_refresh(self, row: int, reason: str) -> bool:
        """End a refresh token; return whether this call did (a compare-and-swap)."""
        statement = "UPDATE token_pairs SET refresh_ended = ? WHERE id = ? AND refresh_ended IS NULL"
        return self._db.execute(statement, (reason, row)) == 1

    def end_access(self, row: int, reason: str) -> bool:
        """End an access token; return whether this call did."""
        statement = "UPDATE token_pairs SET access_ended = ? WHERE id = ? AND access_ended IS NULL"
        return self._db.execute(statement, (reason, row)) == 1

    def cache_response(self, row: int, response: bytes, *, until: float) -> None:
        """Store the encrypted response to the refresh of this pair."""
        statement = "UPDATE token_pairs SET cached_response = ?, cached_until = ? WHERE id = ?"
        self._db.execute(statement, (response, until, row))

    def purge_cached_responses(self, *, now: float) -> None:
        """Delete the responses that must not be repeated any more."""
        statement = "UPDATE token_pairs SET cached_response = NULL, cached_until = NULL WHERE cached_until <= ?"
        self._db.execute(statement, (now,))

    def clear_parent(self, row: int) -> None:
        """Note that a pair's access token has been used for the first time."""
        self._db.execute("UPDATE token_pairs SET parent = NULL WHERE id = ?", (row,))

    def expire(self, row: int, *, now: float, access: bool = False, refresh: bool = False) -> None:
        """Let the access or the refresh token of a pair expire now."""
        if access:
            self._db.execute("UPDATE token_pairs SET access_expires = ? WHERE id = ?", (now, row))
        if refresh:
            self._db.execute("UPDATE token_pairs SET refresh_expires = ? WHERE id = ?", (now, row))

    def count_active(self, *, now: float) -> dict[str, int]:
        """Count the valid access and refresh tokens."""
        access = self._db.fetchone(COUNT_ACTIVE.format(kind="access") + " AND access_expires > ?", (now,))
        refresh = self._db.fetchone(
            COUNT_ACTIVE.format(kind="refresh")
            + " AND refresh_hash IS NOT NULL AND (refresh_expires IS NULL OR refresh_expires > ?)",
            (now,),
        )
        return {"access": access[0] if access else 0, "refresh": refresh[0] if refresh else 0}
