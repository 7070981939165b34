"""The tables: clients and consents, codes, tokens and their families, users and sessions, settings."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection
from typing import TypeVar

from traktauth.server.storage.schema import Client, Code, Consent, DeviceCode, Session, TokenPair, User
from traktauth.server.tokens import IssuedTokens, Lifetimes, digest, generate_token

R = TypeVar("R")
SAVE = """INSERT INTO clients
          (client_id, name, secret, redirect_uris, confidential, trusted, require_pkce, disabled, owner)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id) DO UPDATE SET
          name = excluded.name, secret = excluded.secret, redirect_uris = excluded.redirect_uris,
          confidential = excluded.confidential, trusted = excluded.trusted, require_pkce = excluded.require_pkce"""
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


class Table:
    """The statements of one table, or of a few that belong together."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def _find(self, row_type: Callable[..., R], statement: str, *values: object) -> R | None:
        found = self._run(statement, values).fetchone()
        return None if found is None else row_type(*found)


class ClientRepository(Table):
    """OAuth clients and consents."""

    def by_client_id(self, client_id: str) -> Client | None:
        """Return the client with this client id."""
        return self._find(Client, "SELECT * FROM clients WHERE client_id = ?", client_id)

    def get(self, row: int) -> Client | None:
        """Return the client with this row id."""
        return self._find(Client, "SELECT * FROM clients WHERE id = ?", row)

    def all(self) -> list[Client]:
        """Return every client, the oldest first."""
        return [Client(*row) for row in self._run("SELECT * FROM clients ORDER BY id")]

    def save(self, client: Client) -> None:
        """Insert a client, or update the one with its client id; its owner and whether it is disabled stay."""
        self._run(SAVE, client[1:])

    def update(self, row: int, *, name: str, redirect_uris: str) -> None:
        """Change a client's name and redirect URIs, if it exists."""
        self._run("UPDATE clients SET name = ?, redirect_uris = ? WHERE id = ?", (name, redirect_uris, row))

    def set_secret(self, row: int, secret: str) -> None:
        """Change a client's secret."""
        self._run("UPDATE clients SET secret = ? WHERE id = ?", (secret, row))

    def set_disabled(self, client_id: str, *, disabled: bool) -> None:
        """Disable or enable a client."""
        self._run("UPDATE clients SET disabled = ? WHERE client_id = ?", (int(disabled), client_id))

    def delete(self, row: int) -> None:
        """Delete a client."""
        self._run("DELETE FROM clients WHERE id = ?", (row,))

    def consent(self, client: int, user: int) -> Consent | None:
        """Return a user's consent to a client."""
        return self._find(Consent, "SELECT * FROM consents WHERE client = ? AND user_id = ?", client, user)

    def consents_by(self, user: int) -> list[Consent]:
        """Return all consents of a user."""
        return [Consent(*row) for row in self._run("SELECT * FROM consents WHERE user_id = ?", (user,))]

    def grant_consent(self, client: int, user: int, *, scope: str, now: float) -> None:
        """Store a consent, or add its scope to an earlier one."""
        earlier = self.consent(client, user)
        if earlier is None:
            insert = "INSERT INTO consents (client, user_id, scope, created) VALUES (?, ?, ?, ?)"
            self._run(insert, (client, user, scope, now))
            return
        scopes = " ".join(dict.fromkeys(earlier.scope.split() + scope.split()))
        self._run("UPDATE consents SET scope = ? WHERE client = ? AND user_id = ?", (scopes, client, user))

    def revoke_consent(self, client: int, user: int | None = None) -> None:
        """Delete a user's consent, or every user's."""
        if user is None:
            self._run("DELETE FROM consents WHERE client = ?", (client,))
        else:
            self._run("DELETE FROM consents WHERE client = ? AND user_id = ?", (client, user))


def insert_statement(table: str, model: type[Code | DeviceCode]) -> str:
    """Return the statement that inserts a model without its first field, the id."""
    columns = model._fields[1:]
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names


class CodeRepository(Table):
    """Authorization codes."""

    def find(self, code: str) -> Code | None:
        """Return an authorization code, also if it is spent or has expired."""
        return self._find(Code, "SELECT * FROM codes WHERE hash = ?", digest(code))

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


class DeviceCodeRepository(Table):
    """Device codes."""

    def find(self, device_code: str) -> DeviceCode | None:
        """Return a device code, also if it is used or has expired."""
        return self._find(DeviceCode, "SELECT * FROM device_codes WHERE hash = ?", digest(device_code))

    def by_user_code(self, user_code: str) -> DeviceCode | None:
        """Return the device code with this user code."""
        return self._find(DeviceCode, "SELECT * FROM device_codes WHERE user_code = ?", user_code)

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


class TokenRepository(Table):
    """Token pairs; a family is all pairs of one client and user with a refresh token, or all without."""

    def get(self, row: int) -> TokenPair | None:
        """Return the pair with this row id."""
        return self._find(TokenPair, FIND_BY_ID, row)

    def by_access_token(self, token: str) -> TokenPair | None:
        """Return the pair with this access token, also if it has ended or expired; see `by_refresh_token`."""
        return self._find(TokenPair, FIND_BY_ACCESS, digest(token))

    def by_refresh_token(self, token: str) -> TokenPair | None:
        """Return the pair with this refresh token, also if it has ended or expired.

        A pair whose family was revoked is not found, as the engine that was measured deletes it.
        """
        return self._find(TokenPair, FIND_BY_REFRESH, digest(token))

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
        row = self._run(INSERT, (
            family, epoch, client, user, session, scope, now, digest(access), lifetime, now + lifetime,
            digest(refresh) if refresh else None, refresh_expires,
            predecessor.id if predecessor and keeps_parent else None,
        )).lastrowid or 0  # fmt: skip
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


class UserRepository(Table):
    """Users and sessions."""

    def by_username(self, username: str) -> User | None:
        """Return the user with this name."""
        return self._find(User, "SELECT * FROM users WHERE username = ?", username)

    def get(self, row: int) -> User | None:
        """Return the user with this row id."""
        return self._find(User, "SELECT * FROM users WHERE id = ?", row)

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
        return self._find(Session, "SELECT * FROM sessions WHERE id = ?", row)

    def session_by_token(self, token: str, *, now: float) -> Session | None:
        """Return the session that a cookie belongs to, if it has not expired."""
        return self._find(Session, "SELECT * FROM sessions WHERE hash = ? AND expires > ?", digest(token), now)

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


class SettingRepository(Table):
    """The server's own settings by name, such as the key that forms are signed with."""

    def get(self, name: str) -> str | None:
        """Return a setting, None if it is not set."""
        row = self._run("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        """Set a setting."""
        self._run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


class MaintenanceRepository(Table):
    """Clean-up."""

    def delete_tokens(self) -> None:
        """Delete tokens, codes, sessions and consents; clients and users stay."""
        for table in ("token_pairs", "families", "codes", "device_codes", "sessions", "consents"):
            self._run(f"DELETE FROM {table}")  # noqa: S608 - the names stand one line above

    def purge_expired(self, *, before: float, above: int, rows: int) -> int:
        """Delete what expired before a time among the next *rows* pairs; return where to go on, 0 at the end."""
        for table in ("codes", "device_codes", "sessions"):
            self._run(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires < ? LIMIT ?)",  # noqa: S608 - as above
                (before, rows),
            )
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


class Repositories:
    """Every table.

    Attributes:
        events: what the transaction has done to tokens: `rotations`, `replays`, `families_killed`.
        replayed: the pair whose used refresh token was sent again, None if none was.
    """

    def __init__(self, connection: Connection) -> None:
        self.clients = ClientRepository(connection)
        self.codes = CodeRepository(connection)
        self.device_codes = DeviceCodeRepository(connection)
        self.tokens = TokenRepository(connection)
        self.users = UserRepository(connection)
        self.settings = SettingRepository(connection)
        self.maintenance = MaintenanceRepository(connection)
        self.begin()

    def begin(self) -> None:
        """Forget what belonged to the last transaction."""
        self.events: list[str] = []
        self.replayed: TokenPair | None = None
