"""Connected apps: the apps that a user has authorized, and the button that revokes one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.pages.consent import PERMISSIONS
from traktauth.server.pages.page_request import confirmation_page

if TYPE_CHECKING:
    from traktauth.server.messages import HttpResponse
    from traktauth.server.pages.page_request import PageRequest
    from traktauth.server.storage.repositories import Repositories


class Connected(NamedTuple):
    """An app that a user has let in, as the page shows it."""

    number: int
    name: str
    since: str
    permissions: list[str]


async def show(visit: PageRequest) -> HttpResponse:
    """List them."""
    visitor = visit.visitor
    if visitor is None:
        return visit.go("/sign-in?next=connected-apps")
    found = visit.context.database.read(lambda db: list_connected(db, visitor.user.id))
    done = "Revoked. Every login of the app has ended." if visit.query_parameters.get("done") == "revoked" else ""
    return visit.show("connected", title="Connected apps", connected=found, done=done)


async def revoke(visit: PageRequest) -> HttpResponse:
    """End every token and code of an app and this user, and forget the consent; for good."""
    visitor, number = visit.visitor, visit.form.get("app", "")
    if visitor is None:
        return visit.go("/sign-in?next=connected-apps")
    found = visit.context.database.read(lambda db: list_connected(db, visitor.user.id))
    app = next((app for app in found if str(app.number) == number), None)
    if app is None or visit.form.get("action") == "back":
        return visit.go("/connected-apps")
    if "sure" not in visit.form:
        text = "Every login of this app ends, on all devices. It can ask for access again."
        button = ("app", number, "Revoke")
        return confirmation_page(
            visit, f"Revoke {app.name}?", text, action="/connected-apps", eyebrow="Connected apps", button=button
        )
    visit.context.database.write(lambda db: disconnect(db, app.number, visitor.user.id))
    return visit.go("/connected-apps?done=revoked")


def list_connected(db: Repositories, user: int) -> list[Connected]:
    """Return the apps that a user has authorized, by name."""
    found: list[Connected] = []
    for consent in db.clients.consents_by(user):
        app = db.clients.get(consent.client)
        if app is not None:
            since = datetime.fromtimestamp(consent.created, UTC).strftime("%d %B %Y").lstrip("0")
            words = [PERMISSIONS[word] for word in consent.scope.split() if word in PERMISSIONS]
            found.append(Connected(app.id, app.name, since, words))
    return sorted(found, key=lambda one: one.name.lower())


def disconnect(db: Repositories, app: int, user: int) -> None:
    """End what an app may do for a user, and what it was about to be allowed."""
    db.device_codes.deny_approved(app, user)
    db.codes.end(app, user)
    db.clients.revoke_consent(app, user)
    db.tokens.end_all(app, user)
