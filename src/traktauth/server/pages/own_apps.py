"""Your apps: register an app, change its redirect addresses, make a new secret, delete it.

Apps of a seed have no owner; on a loopback host everyone may look at them, secrets included, as this is a test server.

Under `strict` a new secret is shown once, on the page that the form leads to. It is made of the server's key and a
random value that only the browser keeps, in a cookie: any worker can make it once more for that page, and nobody else.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Any

from traktauth.server.checks.apps import is_secret_of
from traktauth.server.pages.visit import cookie, cookie_name, cookies_of, message
from traktauth.server.redirects import fault_of
from traktauth.server.seed import app_made, kept_as_hash

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Show one app's settings, and its secret if this browser has just had it made."""
    app = await _named(visit)
    if app is None:
        return _unknown(visit)
    carried = cookies_of(visit.heard).get(cookie_name(visit.realm, "secret"), "")
    secret = _secret(visit, app, carried)
    if not carried or app.secret is not None or not is_secret_of(app, secret):
        return _shown(visit, app)
    answer = _shown(visit, app._replace(secret=secret), once=True)
    answer.headers["set-cookie"] = cookie(visit.realm, "secret", "", path=_page(app))
    return answer


async def change(visit: Visit) -> Answer:
    """Save, make a new secret, or delete; only for one's own."""
    action = visit.form.get("action", "")
    if action == "delete":
        return await _gone(visit)
    if action == "rotate":
        return await _rotated(visit)
    name, addresses = visit.form.get("name", "").strip(), visit.form.get("redirect_uris", "").split()
    fault = _fault(name, addresses)
    if fault:
        app, visitor = await _named(visit), visit.visitor
        own = app is not None and visitor is not None and app.owner == visitor.person.id
        return _shown(visit, app, fault=fault) if app is not None and own else _unknown(visit)
    lines = "\n".join(addresses)
    app = await _changed(visit, lambda tables, app: tables.apps.describe(app.id, name=name, redirect_uris=lines))
    return _unknown(visit) if app is None else visit.go(_page(app))


async def _gone(visit: Visit) -> Answer:
    """Delete an app, and end what was issued to it beside that.

    Work that shares the deletion's transaction may have found the app before it was gone, and issue tokens after all of
    its were ended; those are there to be ended once that transaction is over.
    """
    app = await _changed(visit, _deleted)
    if app is None:
        return _unknown(visit)
    await visit.realm.storage.write(lambda tables: tables.pairs.end_app(app.id))
    return visit.go("/your-apps")


async def _rotated(visit: Visit) -> Answer:
    """Make a new secret."""
    carried = secrets.token_urlsafe(32)

    def renew(tables: Tables, app: App) -> None:
        if app.confidential:
            kept = _kept(visit, app._replace(secret=_secret(visit, app, carried), secret_hash=None))
            tables.apps.prove_by(app.id, secret=kept.secret, secret_hash=kept.secret_hash)

    app = await _changed(visit, renew)
    return _unknown(visit) if app is None else _sent_on(visit, app, carried)


async def _changed(visit: Visit, deed: Callable[[Tables, App], None]) -> App | None:
    """Do something to the app in the address and give it as it was before; None where it is not this person's.

    Looking up and changing are one transaction: no deletion and no other change comes between.
    """
    visitor = visit.visitor
    if visitor is None:
        return None

    def work(tables: Tables) -> App | None:
        app = tables.apps.owned(_asked(visit), visitor.person.id)
        if app is not None:
            deed(tables, app)
        return app

    return await visit.realm.storage.write(work)


async def _saved(visit: Visit, app: App) -> Answer:
    """Keep a new app."""
    carried = secrets.token_urlsafe(32)
    made = app._replace(secret=_secret(visit, app, carried)) if app.confidential else app
    await visit.realm.storage.write(lambda tables: tables.apps.save(_kept(visit, made)))
    return _sent_on(visit, app, carried)


def _sent_on(visit: Visit, app: App, carried: str) -> Answer:
    """Lead to an app's page, with what its new secret is made of where that can be shown but once."""
    answer = visit.go(_page(app))
    if visit.realm.terms.strict and app.confidential:
        answer.headers["set-cookie"] = cookie(visit.realm, "secret", carried, path=_page(app))
    return answer


def _secret(visit: Visit, app: App, carried: str) -> str:
    return hmac.new(visit.realm.key, f"secret {app.client_id} {carried}".encode(), "sha256").hexdigest()


def _kept(visit: Visit, app: App) -> App:
    return kept_as_hash(app) if visit.realm.terms.strict else app


def _page(app: App) -> str:
    return f"/your-apps/{app.client_id}"


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
    visitor, name = visit.visitor, _asked(visit)
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


def _asked(visit: Visit) -> str:
    return visit.heard.path.removeprefix("/your-apps/")


def _unknown(visit: Visit) -> Answer:
    if visit.visitor is None:
        return visit.go("/sign-in?next=your-apps")
    return message(
        visit, "There is no such app", "It has been deleted, or belongs to somebody else.", 404, onward=YOURS
    )


def _deleted(tables: Tables, app: App) -> None:
    tables.apps.remove(app.id)  # first: what was just being issued to it is then there to be ended
    tables.apps.disallow(app.id)
    tables.pairs.end_app(app.id)


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
