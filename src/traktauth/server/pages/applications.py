"""Your apps: register, change and delete them; connected apps: those that a user has authorized.

Apps of a seed have no owner. On loopback everyone may look at them, as this is a test server; their secrets, which may
be those of real apps, are shown to the users of the seed, on request.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.responses import Response

from traktauth.server.oauth.redirect_uri import registration_problem_of
from traktauth.server.pages.authorization import PERMISSIONS
from traktauth.server.pages.page_request import PageRequest, confirmation_page, message, signed_in
from traktauth.server.seed import new_client, seeded_users
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import Client

MAX_NAME, MAX_ADDRESSES = 60, 20
BAD_NAME = f"An app's name has 1 to {MAX_NAME} characters."
DONE = {
    "saved": "Saved.",
    "secret": "This is the new secret. The old one no longer works.",
    "deleted": "Deleted.",
}
YOURS = ("/your-apps", "Your apps")
for_your_apps, for_connected_apps = signed_in("your-apps"), signed_in("connected-apps")


@for_your_apps
async def show(visit: PageRequest) -> Response:
    """List them, with the form for another."""
    return _show_list(visit)


@for_your_apps
async def register(visit: PageRequest) -> Response:
    """Make an app."""
    name, addresses = _read_form(visit)
    problem = _problem(name, addresses)
    if problem:
        return _show_list(visit, problem=problem)
    app = new_client(name, tuple(addresses), confidential="public" not in visit.form, owner=visit.user.id)
    visit.context.database.write(lambda db: db.clients.save(app))
    return visit.go(_page(app))


@for_your_apps
async def show_one(visit: PageRequest) -> Response:
    """Show one app's settings; the secret of a seeded app is not shown before it is asked for."""
    app = _find_app(visit)
    if app is None:
        return _unknown(visit)
    if app.owner is None:
        return _show_app(visit, app._replace(secret=None), hidden=app.secret is not None and _is_seeded(visit))
    return _show_app(visit, app)


def _is_seeded(visit: PageRequest) -> bool:
    return visit.user.username in visit.context.database.read(seeded_users)


@for_your_apps
async def change(visit: PageRequest) -> Response:
    """Save, make a new secret, or delete, only for one's own; or show a seeded app's secret."""
    action, app = visit.form.get("action", ""), _find_app(visit)
    if action == "show" and app is not None and app.owner is None and _is_seeded(visit):
        return _show_app(visit, app)
    if app is None or app.owner != visit.user.id:
        return _unknown(visit)
    if action == "back":
        return _show_app(visit, app, is_edited=True)
    if action == "delete":
        if "sure" not in visit.form:
            text = (
                "Every login of this app ends, for all users, and its client id stops working. This cannot be undone."
            )
            return _sure(visit, app, f"Delete {app.name}?", text, ("action", "delete", "Delete"))
        return _change(visit, _delete_app, "/your-apps?done=deleted")
    problem = _problem(*_read_form(visit))
    if problem and (action != "rotate" or _is_edited(visit, app)):
        return _show_app(visit, app, problem=problem)
    if action == "rotate":
        return _rotate_secret(visit, app)
    return _change(visit, lambda db, app: _update_description(visit, db, app), f"{_page(app)}?done=saved")


def _read_form(visit: PageRequest) -> tuple[str, list[str]]:
    """Return the name and the addresses in the form."""
    return visit.form.get("name", "").strip(), visit.form.get("redirect_uris", "").split()


def _is_edited(visit: PageRequest, app: Client) -> bool:
    """Return whether the form differs from what is saved; one without its fields does not."""
    return "name" in visit.form and _read_form(visit) != (app.name, app.redirects)


def _update_description(visit: PageRequest, db: Repositories, app: Client) -> None:
    name, addresses = _read_form(visit)
    db.clients.update(app.id, name=name, redirect_uris="\n".join(addresses))


def _rotate_secret(visit: PageRequest, app: Client) -> Response:
    """Make a new secret, and save what has been edited beside it."""
    if "sure" not in visit.form:
        text = "The old secret stops working at once. Programs that use it need the new one to sign in and to refresh."
        if _is_edited(visit, app):
            text += " Your changes to the name and the redirect addresses are saved with it."
        return _sure(visit, app, f"Make a new secret for {app.name}?", text, ("action", "rotate", "New secret"))

    def rotate(db: Repositories, app: Client) -> None:
        if app.confidential:
            db.clients.update(app.id, secret=secrets.token_hex(32))
        if _is_edited(visit, app):
            _update_description(visit, db, app)

    return _change(visit, rotate, f"{_page(app)}?done=secret")


def _sure(visit: PageRequest, app: Client, title: str, text: str, button: tuple[str, str, str]) -> Response:
    entered: dict[str, str] = {name: visit.form[name] for name in ("name", "redirect_uris") if name in visit.form}
    return confirmation_page(visit, title, text, eyebrow="Your apps", action=_page(app), button=button, kept=entered)


def _change(visit: PageRequest, change: Callable[[Repositories, Client], None], onward: str) -> Response:
    """Change the app in the address and go on, if it is still this user's."""

    def work(db: Repositories) -> bool:
        app = db.clients.by_client_id(_client_id_in_path(visit))
        is_own = app is not None and app.owner == visit.user.id
        if app is not None and is_own:
            change(db, app)
        return is_own

    return visit.go(onward) if visit.context.database.write(work) else _unknown(visit)


def _page(app: Client) -> str:
    return f"/your-apps/{quote(app.client_id)}"


def _show_list(visit: PageRequest, *, problem: str = "") -> Response:
    apps = visit.context.database.read(lambda db: db.clients.all())
    own = [app for app in apps if app.owner == visit.user.id]
    others = [app for app in apps if app.owner is None] if visit.context.settings.loopback else []
    status = 400 if problem else 200
    shown: dict[str, Any] = {"own": own, "others": others, "public": "public" in visit.form, "done": _notice(visit)}
    return visit.show("apps", status=status, title="Your apps", **shown, **_form_values(visit, "", "", problem))


def _find_app(visit: PageRequest) -> Client | None:
    """Return the app in the address, if this user may look at it."""
    name = _client_id_in_path(visit)
    app = visit.context.database.read(lambda db: db.clients.by_client_id(name))
    if app is None or (app.owner is None and visit.context.settings.loopback):
        return app
    return app if app.owner == visit.user.id else None


def _show_app(
    visit: PageRequest,
    app: Client,
    *,
    problem: str = "",
    hidden: bool = False,
    is_edited: bool = False,
) -> Response:
    own = app.owner == visit.user.id
    status = 400 if problem else 200
    filled = _form_values(visit, app.name, app.redirect_uris, problem, is_edited=is_edited and "name" in visit.form)
    filled |= {"own": own, "hidden": hidden, "done": _notice(visit) if own else ""}
    return visit.show("app", status=status, title=app.name, app=app, **filled)


def _notice(visit: PageRequest) -> str:
    """Return what the page says of the form that led to it."""
    return DONE.get(visit.query_parameters.get("done", ""), "") if visit.request.method != "POST" else ""


def _form_values(
    visit: PageRequest, name: str, redirect_uris: str, problem: str, *, is_edited: bool = False
) -> dict[str, Any]:
    """Return the contents of the form (what was entered, if it was invalid) and the invalid field."""
    if problem or is_edited:
        name, redirect_uris = visit.form.get("name", ""), visit.form.get("redirect_uris", "")
    at = "name" if problem == BAD_NAME else "redirect_uris" if problem else ""
    return {"entered": {"name": name, "redirect_uris": redirect_uris}, "problem": problem, "invalid_field": at}


def _client_id_in_path(visit: PageRequest) -> str:
    return visit.path.removeprefix("/your-apps/")


def _unknown(visit: PageRequest) -> Response:
    return message(visit, "App not found", "It has been deleted, or belongs to another user.", 404, onward=YOURS)


def _delete_app(db: Repositories, app: Client) -> None:
    db.clients.delete(id=app.id)
    db.consents.delete(client=app.id)
    db.tokens.end_all(client=app.id)


def _problem(name: str, addresses: list[str]) -> str:
    if not 0 < len(name) <= MAX_NAME:
        return BAD_NAME
    if not 0 < len(addresses) <= MAX_ADDRESSES:
        return f"An app has 1 to {MAX_ADDRESSES} redirect addresses."
    for address in addresses:
        problem = registration_problem_of(address)
        if problem:
            return f"The redirect address “{address}” {problem}."
    return ""


class Connected(NamedTuple):
    """An app that a user has let in, as the page shows it."""

    number: int
    name: str
    since: str
    permissions: list[str]


@for_connected_apps
async def show_connected(visit: PageRequest) -> Response:
    """List them."""
    found = visit.context.database.read(lambda db: list_connected(db, visit.user.id))
    done = "Revoked. Every login of the app has ended." if visit.query_parameters.get("done") == "revoked" else ""
    return visit.show("connected", title="Connected apps", connected=found, done=done)


@for_connected_apps
async def revoke_connected(visit: PageRequest) -> Response:
    """End every token and code of an app and this user, and forget the consent; for good."""
    number = visit.form.get("app", "")
    found = visit.context.database.read(lambda db: list_connected(db, visit.user.id))
    app = next((app for app in found if str(app.number) == number), None)
    if app is None or visit.form.get("action") == "back":
        return visit.go("/connected-apps")
    if "sure" not in visit.form:
        text = "Every login of this app ends, on all devices. It can ask for access again."
        button = ("app", number, "Revoke")
        return confirmation_page(
            visit, f"Revoke {app.name}?", text, action="/connected-apps", eyebrow="Connected apps", button=button
        )
    visit.context.database.write(lambda db: disconnect(db, app.number, visit.user.id))
    return visit.go("/connected-apps?done=revoked")


def list_connected(db: Repositories, user: int) -> list[Connected]:
    """Return the apps that a user has authorized, by name."""
    found: list[Connected] = []
    for consent in db.consents.all(user_id=user):
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
    db.consents.delete(client=app, user_id=user)
    db.tokens.end_all(client=app, user_id=user)
