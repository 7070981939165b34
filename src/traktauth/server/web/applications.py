"""Your apps: register an app, change its redirect addresses, make a new secret, delete it.

Apps of a seed have no owner. On loopback everyone may look at them, as this is a test server; their secrets, which may
be those of real apps, are shown to the users of the seed, on request.

Under `strict` a new secret is shown once, on the page that the form leads to. It is made of the server's key and a
random value that only the browser keeps, in a cookie: any worker can make it again for that page, and no one else can.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from traktauth.server.config.seed import hash_secret, new_client, seeded_users
from traktauth.server.oauth.checks import is_secret_of
from traktauth.server.oauth.redirect_uri import registration_fault_of
from traktauth.server.web.page_request import confirmation_page, cookie, cookie_name, cookies_of, message

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.http.messages import HttpResponse
    from traktauth.server.storage.models import Client
    from traktauth.server.storage.repositories import Repositories
    from traktauth.server.web.page_request import PageRequest

LONGEST_NAME, MOST_ADDRESSES = 60, 20
BAD_NAME = f"An app's name has 1 to {LONGEST_NAME} characters."
DONE = {
    "saved": "Saved.",
    "secret": "This is the new secret. The old one no longer works.",
    "deleted": "Deleted.",
}
YOURS = ("/your-apps", "Your apps")


async def show(visit: PageRequest) -> HttpResponse:
    """List them, with the form for another."""
    return await _show_list(visit)


async def register(visit: PageRequest) -> HttpResponse:
    """Make an app."""
    visitor, form = visit.visitor, visit.form
    if visitor is None:
        return visit.go("/sign-in?next=your-apps")
    name, addresses = form.get("name", "").strip(), form.get("redirect_uris", "").split()
    fault = _fault(name, addresses)
    if fault:
        return await _show_list(visit, fault=fault)
    app = new_client(name, tuple(addresses), confidential="public" not in form, owner=visitor.user.id)
    return await _save_new(visit, app)


async def show_one(visit: PageRequest) -> HttpResponse:
    """Show one app's settings, and its secret if this browser has just had it made."""
    app = await _find_app(visit)
    if app is None:
        return _unknown(visit)
    carried = cookies_of(visit.request).get(cookie_name(visit.context, "secret"), "")
    if app.owner is None:
        return await _show_seeded_app(visit, app, carried)
    secret = _secret(visit, app, carried)
    if not carried or app.secret is not None or not is_secret_of(app, secret):
        return _show_app(visit, app)
    response = _show_app(visit, app._replace(secret=secret), once=True)
    response.headers["set-cookie"] = cookie(visit.context, "secret", "", path=_page(app))
    return response


async def _show_seeded_app(visit: PageRequest, app: Client, carried: str) -> HttpResponse:
    """Show an app of the seed; its secret only right after this session's user, one of the seed, asked for it."""
    may = app.secret is not None and await _is_seeded(visit)
    asked = may and hmac.compare_digest(carried.encode(), _secret_request(visit, app).encode())
    response = _show_app(visit, app if asked else app._replace(secret=None), hidden=may and not asked)
    if asked:
        response.headers["set-cookie"] = cookie(visit.context, "secret", "", path=_page(app))
    return response


async def _is_seeded(visit: PageRequest) -> bool:
    names = await visit.context.storage.read(seeded_users)
    return visit.visitor is not None and visit.visitor.user.username in names


def _secret_request(visit: PageRequest, app: Client) -> str:
    """Return what a browser carries from the form that asks for a seeded app's secret to the page that shows it."""
    said = f"show {visit.session_number} {app.client_id}"
    return hmac.new(visit.context.key, said.encode(), "sha256").hexdigest()


async def _reveal(visit: PageRequest) -> HttpResponse:
    """Lead to the page that shows a seeded app's secret once."""
    app = await _find_app(visit)
    if app is None or app.owner is not None or not await _is_seeded(visit):
        return _unknown(visit)
    response = visit.go(_page(app))
    response.headers["set-cookie"] = cookie(visit.context, "secret", _secret_request(visit, app), path=_page(app))
    return response


async def change(visit: PageRequest) -> HttpResponse:
    """Save, make a new secret, or delete, only for one's own; or show a seeded app's secret."""
    action = visit.form.get("action", "")
    if action == "show":
        return await _reveal(visit)
    app, visitor = await _find_app(visit), visit.visitor
    if app is None or visitor is None or app.owner != visitor.user.id:
        return _unknown(visit)
    if action == "back":
        return _show_app(visit, app, is_edited=True)
    if action == "delete":
        return await _delete(visit) if "sure" in visit.form else _sure_to_delete(visit, app)
    fault = _fault(*_read_form(visit))
    if fault and (action != "rotate" or _is_edited(visit, app)):
        return _show_app(visit, app, fault=fault)
    if action == "rotate":
        return await _rotate_secret(visit) if "sure" in visit.form else _sure_to_rotate(visit, app)
    changed = await _change(visit, lambda db, app: _update_description(visit, db, app))
    return _unknown(visit) if changed is None else visit.go(f"{_page(changed)}?done=saved")


def _read_form(visit: PageRequest) -> tuple[str, list[str]]:
    """Return the name and the addresses in the form."""
    return visit.form.get("name", "").strip(), visit.form.get("redirect_uris", "").split()


def _is_edited(visit: PageRequest, app: Client) -> bool:
    """Return whether the form differs from what is saved; one without its fields does not."""
    return "name" in visit.form and _read_form(visit) != (app.name, app.redirects)


def _update_description(visit: PageRequest, db: Repositories, app: Client) -> None:
    name, addresses = _read_form(visit)
    db.clients.update(app.id, name=name, redirect_uris="\n".join(addresses))


def _sure_to_delete(visit: PageRequest, app: Client) -> HttpResponse:
    text = "Every login of this app ends, for all users, and its client id stops working. This cannot be undone."
    return _sure(visit, app, f"Delete {app.name}?", text, ("action", "delete", "Delete"))


def _sure_to_rotate(visit: PageRequest, app: Client) -> HttpResponse:
    text = "The old secret stops working at once. Programs that use it need the new one to sign in and to refresh."
    if _is_edited(visit, app):
        text += " Your changes to the name and the redirect addresses are saved with it."
    return _sure(visit, app, f"Make a new secret for {app.name}?", text, ("action", "rotate", "New secret"))


def _sure(visit: PageRequest, app: Client, title: str, text: str, button: tuple[str, str, str]) -> HttpResponse:
    carried: dict[str, str] = {name: visit.form[name] for name in ("name", "redirect_uris") if name in visit.form}
    return confirmation_page(visit, title, text, eyebrow="Your apps", action=_page(app), button=button, carried=carried)


async def _delete(visit: PageRequest) -> HttpResponse:
    """Delete an app, and end what was issued to it beside that.

    Work that shares the deletion's transaction may have found the app before it was gone, and issue tokens after all of
    its were ended; those are there to be ended once that transaction is over.
    """
    app = await _change(visit, _delete_app)
    if app is None:
        return _unknown(visit)
    await visit.context.storage.write(lambda db: db.tokens.end_client(app.id))
    return visit.go("/your-apps?done=deleted")


async def _rotate_secret(visit: PageRequest) -> HttpResponse:
    """Make a new secret, and save what has been edited beside it."""
    carried = secrets.token_urlsafe(32)

    def renew(db: Repositories, app: Client) -> None:
        if app.confidential:
            kept = _as_stored(visit, app._replace(secret=_secret(visit, app, carried), secret_hash=None))
            db.clients.set_secret(app.id, secret=kept.secret, secret_hash=kept.secret_hash)
        if _is_edited(visit, app):
            _update_description(visit, db, app)

    app = await _change(visit, renew)
    return _unknown(visit) if app is None else _redirect_to_app(visit, app, carried, done="secret")


async def _change(visit: PageRequest, change: Callable[[Repositories, Client], None]) -> Client | None:
    """Do something to the app in the address and give it as it was before; None where it is not this user's.

    Looking up and changing are one transaction: no deletion and no other change comes between.
    """
    visitor = visit.visitor
    if visitor is None:
        return None

    def work(db: Repositories) -> Client | None:
        app = db.clients.lock_owned(_client_id_in_path(visit), visitor.user.id)
        if app is not None:
            change(db, app)
        return app

    return await visit.context.storage.write(work)


async def _save_new(visit: PageRequest, app: Client) -> HttpResponse:
    """Keep a new app."""
    carried = secrets.token_urlsafe(32)
    made = app._replace(secret=_secret(visit, app, carried)) if app.confidential else app
    await visit.context.storage.write(lambda db: db.clients.save(_as_stored(visit, made)))
    return _redirect_to_app(visit, app, carried)


def _redirect_to_app(visit: PageRequest, app: Client, carried: str, *, done: str = "") -> HttpResponse:
    """Lead to an app's page, with what its new secret is made of where that can be shown but once."""
    response = visit.go(_page(app) + (f"?done={done}" if done else ""))
    if visit.context.policy.strict and app.confidential:
        response.headers["set-cookie"] = cookie(visit.context, "secret", carried, path=_page(app))
    return response


def _secret(visit: PageRequest, app: Client, carried: str) -> str:
    return hmac.new(visit.context.key, f"secret {app.client_id} {carried}".encode(), "sha256").hexdigest()


def _as_stored(visit: PageRequest, app: Client) -> Client:
    return hash_secret(app) if visit.context.policy.strict else app


def _page(app: Client) -> str:
    return f"/your-apps/{quote(app.client_id)}"


async def _show_list(visit: PageRequest, *, fault: str = "") -> HttpResponse:
    visitor = visit.visitor
    if visitor is None:
        return visit.go("/sign-in?next=your-apps")
    own = await visit.context.storage.read(lambda db: db.clients.list_of_owner(visitor.user.id))
    others: list[Client] = []
    if visit.context.settings.loopback:
        found = await visit.context.storage.read(lambda db: db.clients.all())
        others = [app for app in found if app.owner is None]
    status = 400 if fault else 200
    shown: dict[str, Any] = {"own": own, "others": others, "public": "public" in visit.form, "done": _notice(visit)}
    return visit.show("apps", status=status, title="Your apps", **shown, **_form_values(visit, "", "", fault))


async def _find_app(visit: PageRequest) -> Client | None:
    """Return the app in the address, if this user may look at it."""
    visitor, name = visit.visitor, _client_id_in_path(visit)
    app = await visit.context.storage.read(lambda db: db.clients.by_client_id(name)) if visitor else None
    if app is None or visitor is None:
        return None
    common = app.owner is None and visit.context.settings.loopback
    return app if common or app.owner == visitor.user.id else None


def _show_app(
    visit: PageRequest,
    app: Client,
    *,
    fault: str = "",
    once: bool = False,
    hidden: bool = False,
    is_edited: bool = False,
) -> HttpResponse:
    own = visit.visitor is not None and app.owner == visit.visitor.user.id
    status = 400 if fault else 200
    filled = _form_values(visit, app.name, app.redirect_uris, fault, is_edited=is_edited and "name" in visit.form)
    filled |= {"own": own, "once": once, "hidden": hidden, "done": _notice(visit) if own else ""}
    return visit.show("app", status=status, title=app.name, app=app, **filled)


def _notice(visit: PageRequest) -> str:
    """Return what the page says of the form that led to it."""
    return DONE.get(visit.query_parameters.get("done", ""), "") if visit.request.method != "POST" else ""


def _form_values(
    visit: PageRequest, name: str, redirect_uris: str, fault: str, *, is_edited: bool = False
) -> dict[str, Any]:
    """Return the contents of the form (what was entered, if it was invalid) and the invalid field."""
    if fault or is_edited:
        name, redirect_uris = visit.form.get("name", ""), visit.form.get("redirect_uris", "")
    at = "name" if fault == BAD_NAME else "redirect_uris" if fault else ""
    return {"entered": {"name": name, "redirect_uris": redirect_uris}, "fault": fault, "faulty": at}


def _client_id_in_path(visit: PageRequest) -> str:
    return visit.request.path.removeprefix("/your-apps/")


def _unknown(visit: PageRequest) -> HttpResponse:
    if visit.visitor is None:
        return visit.go("/sign-in?next=your-apps")
    return message(visit, "App not found", "It has been deleted, or belongs to another user.", 404, onward=YOURS)


def _delete_app(db: Repositories, app: Client) -> None:
    db.clients.delete(app.id)  # first: what was just being issued to it is then there to be ended
    db.clients.revoke_consent(app.id)
    db.tokens.end_client(app.id)


def _fault(name: str, addresses: list[str]) -> str:
    if not 0 < len(name) <= LONGEST_NAME:
        return BAD_NAME
    if not 0 < len(addresses) <= MOST_ADDRESSES:
        return f"An app has 1 to {MOST_ADDRESSES} redirect addresses."
    for address in addresses:
        fault = registration_fault_of(address)
        if fault:
            return f"The redirect address “{address}” {fault}."
    return ""
