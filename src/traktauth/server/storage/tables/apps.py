"""Apps, and what people have allowed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.records import App, Consent

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class Apps:
    """OAuth clients and consents."""

    __slots__ = ("_named", "_on")

    def __init__(self, on: Connection) -> None:
        self._on = on
        self._named: dict[str, App] = {}

    def named(self, client_id: str) -> App | None:
        """Give the app with this client id, looked up once; nothing is issued to one that is being deleted."""
        app = self._named.get(client_id)
        if app is None:
            row = self._on.held("SELECT * FROM app WHERE client_id = ?", (client_id,), table="app", shared=True)
            if row is not None:
                app = self._named[client_id] = App(*row)
        return app

    def numbered(self, number: int) -> App | None:
        """Give the app in this row."""
        row = self._on.one("SELECT * FROM app WHERE id = ?", (number,))
        return None if row is None else App(*row)

    def all(self) -> list[App]:
        """Give every app, the oldest first."""
        return [App(*row) for row in self._on.all("SELECT * FROM app ORDER BY id")]

    def of(self, owner: int) -> list[App]:
        """Give the apps that a person has registered."""
        return [App(*row) for row in self._on.all("SELECT * FROM app WHERE owner = ? ORDER BY id", (owner,))]

    def owned(self, client_id: str, owner: int) -> App | None:
        """Give the app with this client id if it is this person's; until the transaction ends nobody changes it."""
        find = "SELECT * FROM app WHERE client_id = ? AND owner = ?"
        row = self._on.held(find, (client_id, owner), table="app")
        return None if row is None else App(*row)

    def save(self, app: App) -> None:
        """Make an app, or bring the one with its client id into line; who owns it and its being disabled stay."""
        self._named.clear()
        self._on.run(
            """INSERT INTO app (client_id, name, secret, secret_hash, redirect_uris, confidential, trusted,
                                require_pkce, disabled, owner)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (client_id) DO UPDATE SET name = excluded.name, secret = excluded.secret,
                   secret_hash = excluded.secret_hash, redirect_uris = excluded.redirect_uris,
                   confidential = excluded.confidential, trusted = excluded.trusted,
                   require_pkce = excluded.require_pkce""",
            tuple(app)[1:],
        )

    def describe(self, number: int, *, name: str, redirect_uris: str) -> None:
        """Change an app's name and redirect addresses, and nothing else of it; one that is gone stays so."""
        self._named.clear()
        self._on.run("UPDATE app SET name = ?, redirect_uris = ? WHERE id = ?", (name, redirect_uris, number))

    def prove_by(self, number: int, *, secret: str | None, secret_hash: bytes | None) -> None:
        """Change an app's secret, and nothing else of it."""
        self._named.clear()
        self._on.run("UPDATE app SET secret = ?, secret_hash = ? WHERE id = ?", (secret, secret_hash, number))

    def disable(self, client_id: str, *, disabled: bool) -> int:
        """Switch an app off or on; give how many there were of that name."""
        self._named.clear()
        return self._on.run("UPDATE app SET disabled = ? WHERE client_id = ?", (int(disabled), client_id))

    def remove(self, number: int) -> None:
        """Delete an app."""
        self._named.clear()
        self._on.run("DELETE FROM app WHERE id = ?", (number,))

    def consent(self, app: int, person: int) -> Consent | None:
        """Give what a person has allowed an app; until the transaction ends nobody withdraws it."""
        find = "SELECT * FROM consent WHERE app = ? AND person = ?"
        row = self._on.held(find, (app, person), table="consent")
        return None if row is None else Consent(*row)

    def consents_of(self, person: int) -> list[Consent]:
        """Give all that a person has allowed."""
        return [Consent(*row) for row in self._on.all("SELECT * FROM consent WHERE person = ?", (person,))]

    def allow(self, app: int, person: int, *, scope: str, now: float) -> None:
        """Remember a consent, adding to an earlier one."""
        insert = "INSERT INTO consent (app, person, scope, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        while (earlier := self.consent(app, person)) is None:
            if self._on.run(insert, (app, person, scope, now)):
                return  # else somebody has been faster, and may have withdrawn it by now
        words = dict.fromkeys(earlier.scope.split() + scope.split())
        self._on.run("UPDATE consent SET scope = ? WHERE app = ? AND person = ?", (" ".join(words), app, person))

    def disallow(self, app: int, person: int | None = None) -> None:
        """Forget a person's consent, or everyone's."""
        if person is None:
            self._on.run("DELETE FROM consent WHERE app = ?", (app,))
        else:
            self._on.run("DELETE FROM consent WHERE app = ? AND person = ?", (app, person))
