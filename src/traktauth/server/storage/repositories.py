"""The tables: clients and consents, codes, tokens and their families, users and sessions, settings."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection
from typing import Generic, TypeVar

from traktauth.server.storage.schema import Client, Code, Consent, DeviceCode, Session, TokenPair, User
from traktauth.server.tokens import IssuedTokens, Lifetimes, digest, generate_token

R = TypeVar("R")
NO_USER = 0
"""The user id of a token that a client got for itself."""
SAVE_CLIENT = """INSERT INTO clients
          (client_id, name, secret, redirect_uris, confidential, trusted, require_pkce, disabled, owner)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id) DO UPDATE SET
          name = excluded.name, secret = excluded.secret, redirect_uris = excluded.redirect_uris,
          confidential = excluded.confidential, trusted = excluded.trusted, require_pkce = excluded.require_pkce"""
SAVE_USER = """INSERT INTO users (username, email, password_hash, created) VALUES (?, ?, ?, ?)
               ON CONFLICT (username) DO UPDATE SET email = excluded.email, password_hash = excluded.password_hash
               RETURNING *"""
FIND = """SELECT token_pairs.*, families.epoch, users.id FROM token_pairs
          JOIN families ON families.id = token_pairs.family
          LEFT JOIN users ON users.id = token_pairs.user_id WHERE """
SELECT = "SELECT * FROM {table} WHERE {condition}"
INSERT = "INSERT INTO {table} ({columns}) VALUES ({marks})"
UPDATE = "UPDATE {table} SET {changes} WHERE id = ?"
DELETE = "DELETE FROM {table} WHERE {condition}"
PURGE = "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires < ? LIMIT ?)"
END_FAMILIES = "UPDATE families SET epoch = epoch + 1 WHERE {condition}"
COUNT_ACTIVE = """SELECT count(*) FROM token_pairs JOIN families ON families.id = token_pairs.family
                  WHERE token_pairs.epoch = families.epoch AND """


def where(values: dict[str, object]) -> str:
    """Return the condition that columns have these values; true of every row without any."""
    return " AND ".join(f"{column} = ?" for column in values) or "true"


class Table(Generic[R]):
    """A table; arguments are values of its columns by name."""

    def __init__(self, connection: Connection, name: str, row_type: Callable[..., R]) -> None:
        self._run = connection.execute
        self._name = name
        self._row_type = row_type

    def find(self, **values: object) -> R | None:
        """Return the row with these values."""
        row = self._run(SELECT.format(table=self._name, condition=where(values)), (*values.values(),)).fetchone()
        return None if row is None else self._row_type(*row)

    def by_token(self, token: str) -> R | None:
        """Return the row of a code or a cookie, also if it is used or has expired."""
        return self.find(hash=digest(token))

    def get(self, row: int) -> R | None:
        """Return the row with this id."""
        return self.find(id=row)

    def all(self, **values: object) -> list[R]:
        """Return every row with these values, the oldest first."""
        statement = SELECT.format(table=self._name, condition=where(values))
        rows = self._run(f"{statement} ORDER BY rowid", (*values.values(),))
        return [self._row_type(*row) for row in rows]

    def add(self, **values: object) -> int:
        """Insert a row and return its id."""
        statement = INSERT.format(table=self._name, columns=", ".join(values), marks=", ".join("?" * len(values)))
        return self._run(statement, (*values.values(),)).lastrowid or 0

    def update(self, row: int, **values: object) -> None:
        """Change the row with this id."""
        changes = ", ".join(f"{column} = ?" for column in values)
        self._run(UPDATE.format(table=self._name, changes=changes), (*values.values(), row))

    def delete(self, **values: object) -> None:
        """Delete the rows with these values; every row without any."""
        self._run(DELETE.format(table=self._name, condition=where(values)), (*values.values(),))


class ClientTable(Table[Client]):
    """OAuth clients."""

    def by_client_id(self, client_id: str) -> Client | None:
        """Return the client with this client id."""
        return self.find(client_id=client_id)

    def save(self, client: Client) -> None:
        """Insert a client, or update the one with its client id; its owner and whether it is disabled stay."""
        self._run(SAVE_CLIENT, client[1:])


class ConsentTable(Table[Consent]):
    """What users have granted to clients."""

    def grant(self, client: int, user: int, *, scope: str, now: float) -> None:
        """Store a consent, or add its scope to an earlier one."""
        earlier = self.find(client=client, user_id=user)
        if earlier is None:
            self.add(client=client, user_id=user, scope=scope, created=now)
            return
        scopes = " ".join(dict.fromkeys(earlier.scope.split() + scope.split()))
        self._run("UPDATE consents SET scope = ? WHERE client = ? AND user_id = ?", (scopes, client, user))


class CodeTable(Table[Code]):
    """Authorization codes."""

    def spend(self, row: int) -> bool:
        """Spend a code; return whether this call did."""
        return self._run("UPDATE codes SET spent = 1 WHERE id = ? AND spent = 0", (row,)).rowcount == 1

    def end(self, client: int, user: int) -> None:
        """Spend every valid code of this client and user."""
        self._run("UPDATE codes SET spent = 1 WHERE client = ? AND user_id = ?", (client, user))


class DeviceCodeTable(Table[DeviceCode]):
    """Device codes."""

    def decide(self, row: int, status: str, *, user: int) -> bool:
        """Approve or deny a pending code; return whether it was pending."""
        statement = "UPDATE device_codes SET status = ?, user_id = ? WHERE id = ? AND status = 'pending'"
        return self._run(statement, (status, user, row)).rowcount == 1

    def deny_approved(self, client: int, user: int) -> None:
        """Deny what this user has approved for this client and no device has fetched yet."""
        statement = "UPDATE device_codes SET status = 'denied' WHERE client = ? AND user_id = ? AND status <> 'used'"
        self._run(statement, (client, user))


class TokenTable(Table[TokenPair]):
    """Token pairs; a family is all pairs of one client and user with a refresh token, or all without."""

    def get(self, row: int) -> TokenPair | None:
        """Return the pair with this row id."""
        return self._find_pair("token_pairs.id = ?", row)

    def by_access_token(self, token: str) -> TokenPair | None:
        """Return the pair with this access token, also if it has ended or expired; see `by_refresh_token`."""
        return self._find_pair("access_hash = ? AND token_pairs.epoch = families.epoch", digest(token))

    def by_refresh_token(self, token: str) -> TokenPair | None:
        """Return the pair with this refresh token, also if it has ended or expired.

        A pair whose family was revoked is not found, as the engine that was measured deletes it.
        """
        return self._find_pair("refresh_hash = ? AND token_pairs.epoch = families.epoch", digest(token))

    def _find_pair(self, condition: str, value: object) -> TokenPair | None:
        row = self._run(FIND + condition, (value,)).fetchone()
        return None if row is None else TokenPair(*row)

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
        predecessor: TokenPair | None = None,
        keeps_parent: bool = False,
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
            predecessor: the pair whose refresh token it is issued for.
            keeps_parent: whether it remembers that pair until its access token is first used.
        """
        access, refresh = generate_token(), generate_token() if refreshable else None
        if predecessor and predecessor.refreshable == refreshable:
            family, epoch = predecessor.family, predecessor.family_epoch
        else:
            family, epoch = self.family(client, user, refreshable=refreshable)
        lifetime = lifetimes.access
        refresh_expires = now + lifetimes.refresh if refresh and lifetimes.refresh else None
        row = self.add(
            family=family,
            epoch=epoch,
            client=client,
            user_id=user,
            session=session,
            scope=scope,
            created=now,
            access_hash=digest(access),
            access_lifetime=lifetime,
            access_expires=now + lifetime,
            refresh_hash=digest(refresh) if refresh else None,
            refresh_expires=refresh_expires,
            parent=predecessor.id if predecessor and keeps_parent else None,
        )
        before = predecessor.id if predecessor else 0
        return IssuedTokens(access, refresh, lifetime, int(now), scope, None, row, before)

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

    def end_all(self, **values: int) -> None:
        """Revoke every pair of the families with these values, such as `client` and `user_id`."""
        self._run(END_FAMILIES.format(condition=where({**values})), (*values.values(),))

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

    def count_active(self, *, now: float) -> dict[str, int]:
        """Count the valid access and refresh tokens."""
        (access,) = self._run(f"{COUNT_ACTIVE} access_ended IS NULL AND access_expires > ?", (now,)).fetchone()
        statement = f"""{COUNT_ACTIVE} refresh_ended IS NULL AND refresh_hash IS NOT NULL
                        AND (refresh_expires IS NULL OR refresh_expires > ?)"""
        return {"access": access, "refresh": self._run(statement, (now,)).fetchone()[0]}


class UserTable(Table[User]):
    """Users."""

    def save(self, username: str, *, email: str, password_hash: str | None, now: float) -> User:
        """Insert a user, or update the one with this name."""
        return User(*self._run(SAVE_USER, (username, email, password_hash, now)).fetchone())

    def get_or_create(self, username: str, *, now: float) -> User:
        """Return the user with this name, created without a password if it does not exist."""
        user = self.find(username=username)
        return user or self.save(username, email=f"{username}@example.test", password_hash=None, now=now)


class SessionTable(Table[Session]):
    """Sessions in browsers."""

    def create(self, user: int, token: str, *, now: float, lifetime: float) -> Session:
        """Store a new session, which *token* is the cookie of."""
        values = digest(token), user, now, now + lifetime
        return Session(self.add(hash=values[0], user_id=user, created=now, expires=values[3]), *values)


class SettingTable:
    """The server's own settings by name, such as the key that forms are signed with."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def get(self, name: str) -> str | None:
        """Return a setting, None if it is not set."""
        row = self._run("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        """Set a setting."""
        self._run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


class Repositories:
    """Every table.

    Attributes:
        events: what the transaction has done to tokens: `rotations`, `replays`, `families_killed`.
        replayed: the pair whose used refresh token was sent again, None if none was.
    """

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute
        self.clients = ClientTable(connection, "clients", Client)
        self.consents = ConsentTable(connection, "consents", Consent)
        self.codes = CodeTable(connection, "codes", Code)
        self.device_codes = DeviceCodeTable(connection, "device_codes", DeviceCode)
        self.tokens = TokenTable(connection, "token_pairs", TokenPair)
        self.users = UserTable(connection, "users", User)
        self.sessions = SessionTable(connection, "sessions", Session)
        self.settings = SettingTable(connection)
        self.begin()

    def begin(self) -> None:
        """Forget what belonged to the last transaction."""
        self.events: list[str] = []
        self.replayed: TokenPair | None = None

    def delete_tokens(self) -> None:
        """Delete tokens, codes, sessions and consents; clients and users stay."""
        for table in (self.tokens, self.codes, self.device_codes, self.sessions, self.consents):
            table.delete()
        self._run("DELETE FROM families")

    def purge_expired(self, *, before: float, above: int, rows: int) -> int:
        """Delete what expired before a time among the next *rows* pairs; return where to go on, 0 at the end."""
        for table in ("codes", "device_codes", "sessions"):
            self._run(PURGE.format(table=table), (before, rows))
        (last,) = self._run(
            "SELECT max(id) FROM (SELECT id FROM token_pairs WHERE id > ? ORDER BY id LIMIT ?)", (above, rows)
        ).fetchone()
        if last is None:
            return 0
        self._run(
            """DELETE FROM token_pairs WHERE id > ? AND id <= ? AND access_expires < ?
               AND (refresh_hash IS NULL OR refresh_expires < ?)""",
            (above, last, before, before),
        )
        return int(last)
