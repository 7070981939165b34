"""OAuth clients, and the consents that users have given them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.models import Client, Consent

if TYPE_CHECKING:
    from sqlite3 import Connection

SAVE = """INSERT INTO clients
          (client_id, name, secret, redirect_uris, confidential, trusted, require_pkce, disabled, owner)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id) DO UPDATE SET
          name = excluded.name, secret = excluded.secret, redirect_uris = excluded.redirect_uris,
          confidential = excluded.confidential, trusted = excluded.trusted, require_pkce = excluded.require_pkce"""


class ClientRepository:
    """OAuth clients and consents."""

    __slots__ = ("_by_client_id", "_run")

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute
        self._by_client_id: dict[str, Client] = {}

    def by_client_id(self, client_id: str) -> Client | None:
        """Return the client with this client id, cached for the transaction."""
        client = self._by_client_id.get(client_id)
        if client is None:
            row = self._run("SELECT * FROM clients WHERE client_id = ?", (client_id,)).fetchone()
            if row is not None:
                client = self._by_client_id[client_id] = Client(*row)
        return client

    def get(self, row: int) -> Client | None:
        """Return the client with this row id."""
        found = self._run("SELECT * FROM clients WHERE id = ?", (row,)).fetchone()
        return None if found is None else Client(*found)

    def all(self) -> list[Client]:
        """Return every client, the oldest first."""
        return [Client(*row) for row in self._run("SELECT * FROM clients ORDER BY id")]

    def save(self, client: Client) -> None:
        """Insert a client, or update the one with its client id; its owner and whether it is disabled stay."""
        self._by_client_id.clear()
        self._run(SAVE, client[1:])

    def update(self, row: int, *, name: str, redirect_uris: str) -> None:
        """Change a client's name and redirect URIs, if it exists."""
        self._by_client_id.clear()
        self._run("UPDATE clients SET name = ?, redirect_uris = ? WHERE id = ?", (name, redirect_uris, row))

    def set_secret(self, row: int, secret: str) -> None:
        """Change a client's secret."""
        self._by_client_id.clear()
        self._run("UPDATE clients SET secret = ? WHERE id = ?", (secret, row))

    def set_disabled(self, client_id: str, *, disabled: bool) -> None:
        """Disable or enable a client."""
        self._by_client_id.clear()
        self._run("UPDATE clients SET disabled = ? WHERE client_id = ?", (int(disabled), client_id))

    def delete(self, row: int) -> None:
        """Delete a client."""
        self._by_client_id.clear()
        self._run("DELETE FROM clients WHERE id = ?", (row,))

    def consent(self, client: int, user: int) -> Consent | None:
        """Return a user's consent to a client."""
        row = self._run("SELECT * FROM consents WHERE client = ? AND user_id = ?", (client, user)).fetchone()
        return None if row is None else Consent(*row)

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
