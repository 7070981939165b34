"""Connected apps: what a person has let in, and the button that ends it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.pages.asking import PERMISSIONS

if TYPE_CHECKING:
    from traktauth.server.http.answers import Answer
    from traktauth.server.pages.visit import Visit
    from traktauth.server.storage.tables import Tables


class Connected(NamedTuple):
    """An app that a person has let in, as the page shows it."""

    number: int
    name: str
    since: str
    permissions: list[str]


async def show(visit: Visit) -> Answer:
    """List them."""
    visitor = visit.visitor
    if visitor is None:
        return visit.go("/sign-in?next=connected-apps")
    found = await visit.realm.storage.read(lambda tables: connected_to(tables, visitor.person.id))
    return visit.show("connected", title="Connected apps", connected=found)


async def revoke(visit: Visit) -> Answer:
    """End every token and code of an app and this person, and forget the consent; for good."""
    visitor, number = visit.visitor, visit.form.get("app", "")
    if visitor is None:
        return visit.go("/sign-in?next=connected-apps")
    if number.isascii() and number.isdigit() and len(number) < 18:  # noqa: PLR2004 - a row's number has 64 bits
        await visit.realm.storage.write(lambda tables: disconnect(tables, int(number), visitor.person.id))
    return visit.go("/connected-apps")


def connected_to(tables: Tables, person: int) -> list[Connected]:
    """Give the apps that a person has let in, by name."""
    found: list[Connected] = []
    for consent in tables.apps.consents_of(person):
        app = tables.apps.numbered(consent.app)
        if app is not None:
            since = datetime.fromtimestamp(consent.created, UTC).strftime("%d %B %Y").lstrip("0")
            words = [PERMISSIONS[word] for word in consent.scope.split() if word in PERMISSIONS]
            found.append(Connected(app.id, app.name, since, words))
    return sorted(found, key=lambda one: one.name.lower())


def disconnect(tables: Tables, app: int, person: int) -> None:
    """End what an app may do for a person, and what it was about to be allowed.

    Codes are ended twice. First so as to wait for whoever is just using one: who looks a code up holds its row, then
    the consent's, and holding them here the other way round would be a deadlock. Once the consent is held nobody is
    using a code or being given one; what has been given between is ended then, and the tokens of all come last.
    """
    _end_codes(tables, app, person)
    tables.apps.consent(app, person)
    _end_codes(tables, app, person)
    tables.apps.disallow(app, person)
    tables.pairs.end_all(app, person)


def _end_codes(tables: Tables, app: int, person: int) -> None:
    tables.devices.refuse(app, person)
    tables.codes.end(app, person)
