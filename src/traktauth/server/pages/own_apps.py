"""Your apps: register an app, change its redirect addresses, make a new secret, delete it.

Apps of a seed have no owner; on a loopback host everyone may look at them, secrets included, as this is a test server.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from traktauth.server.pages.visit import message
from traktauth.server.redirects import fault_of
from traktauth.server.seed import app_made, kept_as_hash

if TYPE_CHECKING:
    from traktauth.server.http.answers import Answer
    from traktauth.server.pages.visit import Visit
    from traktauth.server.storage.records import App
    from traktauth.server.storage.tables import Tables

LONGEST_NAME, MOST_ADDRESSES = 60, 20
BAD_NAME = f"An app's name has 1 to {LONGEST_NAME} characters."
YOURS = ("/your-apps", "Your apps")


async def show(visit: Visit) -> Answer:
    """List them, with the form for another."""
    return await _listed(visit)


async def register(visit: Visit) -> Answer:
    """Make an app."""
    visitor, form = visit.visitor, visit.form
    if visitor is None:
        return visit.go("/sign-in?next=your-apps")
    name, addresses = form.get("name", "").strip(), form.get("redirect_uris", "").split()
    fault = _fault(name, addresses)
    if fault:
        return await _listed(visit, fault=fault)
    app = app_made(name, tuple(addresses), confidential="public" not in form, owner=visitor.person.id)
    return await _saved(visit, app)


async def show_one(visit: Visit) -> Answer:
    """Show one app's settings."""
    app = await _named(visit)
    return _unknown(visit) if app is None else _shown(visit, app)


async def change(visit: Visit) -> Answer:
    """Save, make a new secret, or delete; only for one's own."""
    app, visitor = await _named(visit), visit.visitor
    if app is None or visitor is None or app.owner != visitor.person.id:
        return _unknown(visit)
    action = visit.form.get("action", "")
    if action == "delete":
        await visit.realm.storage.write(lambda tables: _deleted(tables, app))
        return visit.go("/your-apps")
    if action == "rotate" and app.confidential:
        return await _saved(visit, app._replace(secret=secrets.token_hex(32), secret_hash=None))
    name, addresses = visit.form.get("name", "").strip(), visit.form.get("redirect_uris", "").split()
    fault = _fault(name, addresses)
    if fault:
        return _shown(visit, app, fault=fault)
    changed = app._replace(name=name, redirect_uris="\n".join(addresses))
    await visit.realm.storage.write(lambda tables: tables.apps.save(changed))
    return visit.go(f"/your-apps/{app.client_id}")


async def _saved(visit: Visit, app: App) -> Answer:
    """Keep an app; under `strict` its secret is shown now and never again."""
    strict = visit.realm.terms.strict
    kept = kept_as_hash(app) if strict else app
    await visit.realm.storage.write(lambda tables: tables.apps.save(kept))
    return _shown(visit, app, once=True) if strict else visit.go(f"/your-apps/{app.client_id}")


async def _listed(visit: Visit, *, fault: str = "") -> Answer:
    visitor = visit.visitor
    if visitor is None:
        return visit.go("/sign-in?next=your-apps")
    own = await visit.realm.storage.read(lambda tables: tables.apps.of(visitor.person.id))
    others: list[App] = []
    if visit.realm.settings.loopback:
        found = await visit.realm.storage.read(lambda tables: tables.apps.all())
        others = [app for app in found if app.owner is None]
    status = 400 if fault else 200
    shown: dict[str, Any] = {"own": own, "others": others, "public": "public" in visit.form}
    return visit.show("apps", status=status, title="Your apps", **shown, **_filled_in(visit, "", "", fault))


async def _named(visit: Visit) -> App | None:
    """Give the app in the address, if this person may look at it."""
    visitor, name = visit.visitor, visit.heard.path.removeprefix("/your-apps/")
    app = await visit.realm.storage.read(lambda tables: tables.apps.named(name)) if visitor else None
    if app is None or visitor is None:
        return None
    common = app.owner is None and visit.realm.settings.loopback
    return app if common or app.owner == visitor.person.id else None


def _shown(visit: Visit, app: App, *, fault: str = "", once: bool = False) -> Answer:
    own = visit.visitor is not None and app.owner == visit.visitor.person.id
    status = 400 if fault else 200
    filled = _filled_in(visit, app.name, app.redirect_uris, fault)
    return visit.show("app", status=status, title=app.name, app=app, own=own, once=once, **filled)


def _filled_in(visit: Visit, name: str, redirect_uris: str, fault: str) -> dict[str, Any]:
    """Give what stands in the form, which is what was entered where that has a fault; and which field has it."""
    if fault:
        name, redirect_uris = visit.form.get("name", ""), visit.form.get("redirect_uris", "")
    at = "name" if fault == BAD_NAME else "redirect_uris" if fault else ""
    return {"entered": {"name": name, "redirect_uris": redirect_uris}, "fault": fault, "faulty": at}


def _unknown(visit: Visit) -> Answer:
    if visit.visitor is None:
        return visit.go("/sign-in?next=your-apps")
    return message(
        visit, "There is no such app", "It has been deleted, or belongs to somebody else.", 404, onward=YOURS
    )


def _deleted(tables: Tables, app: App) -> None:
    tables.apps.remove(app.id)  # first: what was just being issued to it is then there to be ended
    tables.pairs.end_app(app.id)
    tables.apps.disallow(app.id)


def _fault(name: str, addresses: list[str]) -> str:
    if not 0 < len(name) <= LONGEST_NAME:
        return BAD_NAME
    if not 0 < len(addresses) <= MOST_ADDRESSES:
        return f"An app has 1 to {MOST_ADDRESSES} redirect addresses."
    for address in addresses:
        fault = fault_of(address)
        if fault:
            return f"The redirect address “{address}” {fault}."
    return ""
