"""OAuth clients, and the consents that users have given them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.models import Client, Consent
from traktauth.server.storage.repositories.insertion import insert_statement

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection

UPDATED = ("name", "secret", "secret_hash", "redirect_uris", "confidential", "trusted", "require_pkce")
SAVE = f"""{insert_statement("clients", Client)} ON CONFLICT (client_id) DO UPDATE SET
           {", ".join(f"{column} = excluded.{column}" for column in UPDATED)}"""


class ClientRepository:
    """OAuth clients and consents."""

    __slots__ = ("_by_client_id", "_db")

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._by_client_id: dict[str, Client] = {}

    def by_client_id(self, client_id: str) -> Client | None:
        """Return the client with this client id, cached for the transaction, and lock it against deletion."""
        client = self._by_client_id.get(client_id)
        if client is None:
            find = "SELECT * FROM clients WHERE client_id = ?"
            row = self._db.select_for_update(find, (client_id,), table="clients", share=True)
            if row is not None:
                client = self._by_client_id[client_id] = Client(*row)
        return client

    def get(self, row: int) -> Client | None:
        """Return the client with this row id."""
        found = self._db.fetchone("SELECT * FROM clients WHERE id = ?", (row,))
        return None if found is None else Client(*found)

    def all(self) -> list[Client]:
        """Return every client, the oldest first."""
        return [Client(*row) for row in self._db.fetchall("SELECT * FROM clients ORDER BY id")]

    def list_of_owner(self, owner: int) -> list[Client]:
        """Return the clients that a user has registered."""
        find = "SELECT * FROM clients WHERE owner = ? ORDER BY id"
        return [Client(*row) for row in self._db.fetchall(find, (owner,))]

    def lock_owned(self, client_id: str, owner: int) -> Client | None:
        """Return the client with this client id if it is this user's, and lock it against changes."""
        find = "SELECT * FROM clients WHERE client_id = ? AND owner = ?"
        row = self._db.select_for_update(find, (client_id, owner), table="clients")
        return None if row is None else Client(*row)

    def save(self, client: Client) -> None:
        """Insert a client, or update the one with its client id; its owner and whether it is disabled stay."""
        self._by_client_id.clear()
        self._db.execute(SAVE, client[1:])

    def update(self, row: int, *, name: str, redirect_uris: str) -> None:
        """Change a client's name and redirect URIs, if it exists."""
        self._by_client_id.clear()
        self._db.execute("UPDATE clients SET name = ?, redirect_uris = ? WHERE id = ?", (name, redirect_uris, row))

    def set_secret(self, row: int, *, secret: str | None, secret_hash: bytes | None) -> None:
        """Change a client's secret."""
        self._by_client_id.clear()
        self._db.execute("UPDATE clients SET secret = ?, secret_hash = ? WHERE id = ?", (secret, secret_hash, row))

    def set_disabled(self, client_id: str, *, disabled: bool) -> int:
        """Disable or enable a client; return how many have this client id."""
        self._by_client_id.clear()
        return self._db.execute("UPDATE clients SET disabled = ? WHERE client_id = ?", (int(disabled), client_id))

    def delete(self, row: int) -> None:
        """Delete a client."""
        self._by_client_id.clear()
        self._db.execute("DELETE FROM clients WHERE id = ?", (row,))

    def consent(self, client: int, user: int) -> Consent | None:
        """Return a user's consent to a client, and lock it."""
        find = "SELECT * FROM consents WHERE client = ? AND user_id = ?"
        row = self._db.select_for_update(find, (client, user), table="consents")
        return None if row is None else Consent(*row)

    def consents_by(self, user: int) -> list[Consent]:
        """Return all consents of a user."""
        return [Consent(*row) for row in self._db.fetchall("SELECT * FROM consents WHERE user_id = ?", (user,))]

    def grant_consent(self, client: int, user: int, *, scope: str, now: float) -> None:
        """Store a consent, or add its scope to an earlier one."""
        insert = "INSERT INTO consents (client, user_id, scope, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        while (earlier := self.consent(client, user)) is None:
            if self._db.execute(insert, (client, user, scope, now)):
                return  # else another transaction has inserted one, and may have revoked it by now
        scopes = " ".join(dict.fromkeys(earlier.scope.split() + scope.split()))
        self._db.execute("UPDATE consents SET scope = ? WHERE client = ? AND user_id = ?", (scopes, client, user))

    def revoke_consent(self, client: int, user: int | None = None) -> None:
        """Delete a user's consent, or every user's."""
        if user is None:
            self._db.execute("DELETE FROM consents WHERE client = ?", (client,))
        else:
            self._db.execute("DELETE FROM consents WHERE client = ? AND user_id = ?", (client, user))
