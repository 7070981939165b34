"""Sign in, sign up, sign out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from traktauth.server import passwords
from traktauth.server.control.people import without_prompts
from traktauth.server.endpoints.authorize import judged
from traktauth.server.redirects import is_registered
from traktauth.server.refusals import Invalid
from traktauth.server.strings import fresh

if TYPE_CHECKING:
    from traktauth.server.http.answers import Answer
    from traktauth.server.pages.visit import Visit
    from traktauth.server.storage.records import App, Person
    from traktauth.server.storage.tables import Tables

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,29}")
EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}")
OWN_PAGES = ("connected-apps", "your-apps")
"""Where a sign-in may lead that no app asked for; nowhere else, so that it leads nobody astray."""
LEAST_PASSWORD, GREATEST_PASSWORD = 8, 200


async def show_sign_in(visit: Visit) -> Answer:
    """Show the form."""
    return await _form(visit, "sign_in")


async def show_sign_up(visit: Visit) -> Answer:
    """Show the form."""
    return await _form(visit, "sign_up")


async def sign_in(visit: Visit) -> Answer:
    """Check name and password; after five wrong ones in a minute, a user has to wait."""
    realm, name = visit.realm, visit.form.get("username", "").strip()
    key = f"{name.lower()} {visit.heard.client}"
    async with realm.passwords.turn(key):  # one after the other: a check takes so long that many could come meanwhile
        wait = realm.passwords.wait(key, now=realm.clock())
        person = await _proven(visit, name) if wait <= 0 else None
        if person is not None:
            realm.passwords.succeeded(key)
        elif wait <= 0:
            realm.passwords.failed(key, now=realm.clock())
    if person is not None:
        return await _signed_in(visit, person)
    if wait <= 0:
        return await _form(visit, "sign_in", fault="User name or password is wrong.", status=400)
    fault = f"Too many wrong passwords. Try again in {int(wait) + 1} seconds."
    answer = await _form(visit, "sign_in", fault=fault, status=429)
    answer.headers["retry-after"] = str(int(wait) + 1)
    return answer


async def sign_up(visit: Visit) -> Answer:
    """Make a user and sign in."""
    realm, form = visit.realm, visit.form
    name, email, password = form.get("username", "").strip(), form.get("email", "").strip(), form.get("password", "")
    fault = _fault(name, email, password)
    if fault:
        return await _form(visit, "sign_up", fault=fault, status=400)
    kept = await passwords.hashed_aside(password)

    def work(tables: Tables) -> Person | None:
        return tables.people.added(name, email=email, password_hash=kept, now=realm.clock())

    person = await realm.storage.write(work)
    if person is None:
        return await _form(visit, "sign_up", fault="That user name is taken.", status=409)
    return await _signed_in(visit, person)


async def sign_out(visit: Visit) -> Answer:
    """End the session."""
    visitor = visit.visitor
    if visitor is not None:
        await visit.realm.storage.write(lambda tables: tables.people.sign_out(visitor.session.id))
    return visit.go("/", session="")


async def _proven(visit: Visit, name: str) -> Person | None:
    """Give the user of this name, if the password is theirs."""
    person = await visit.realm.storage.read(lambda tables: tables.people.named(name))
    kept = person.password_hash if person else None
    return person if await passwords.matches_aside(visit.form.get("password", ""), kept) else None


def onward(query: list[tuple[str, str]]) -> str:
    """Give the address to go on to after signing in; the prompts that led here have been heeded.

    What is repeated in the query stays so, and is refused there.
    """
    said = dict(query)
    if "client_id" in said:
        left = [without_prompts({name: value}, "login", "create") for name, value in query]
        return f"/consent?{urlencode([pair for one in left for pair in one.items()])}"
    if said.get("next") in OWN_PAGES:
        return f"/{said['next']}"
    return f"/activate/{said['user_code']}" if said.get("user_code", "").isalnum() else "/"


async def _form(visit: Visit, name: str, *, fault: str = "", status: int = 200) -> Answer:
    app, leads_to = await _asker(visit)
    return visit.show(
        name,
        status=status,
        leads_to=leads_to,
        app=app,
        fault=fault,
        username=visit.form.get("username", ""),
        email=visit.form.get("email", ""),
    )


async def _asker(visit: Visit) -> tuple[App | None, str]:
    """Give the app that the person came from, and its redirect address, if that is its own."""
    if "client_id" not in visit.said:
        return None, ""
    try:
        said = visit.realm.profile.authorize.read(visit.query)
    except Invalid:  # which is said once the person has signed in, as everything about the request is
        return None, ""
    app = (await visit.realm.storage.read(lambda tables: judged(visit.realm, tables, said, None))).wish.app
    redirect = said.get("redirect_uri", "")
    return app, redirect if app is not None and is_registered(redirect, app.redirects) else ""


async def _signed_in(visit: Visit, person: Person) -> Answer:
    realm, secret = visit.realm, fresh()

    def work(tables: Tables) -> int:
        if visit.visitor is not None:  # a new sign-in is a new session (session fixation)
            tables.people.sign_out(visit.visitor.session.id)
        now, life = realm.clock(), realm.terms.lives.session
        return tables.people.sign_in(person.id, digest=secret.hash, now=now, life=life)

    row = await realm.storage.write(work)
    return visit.go(onward(visit.query), session=secret.carried(row))


def _fault(name: str, email: str, password: str) -> str:
    if not USERNAME.fullmatch(name):
        return "A user name has 2 to 30 letters, digits, dots, dashes or underscores."
    if not EMAIL.fullmatch(email):
        return "That is no e-mail address."
    if not LEAST_PASSWORD <= len(password) <= GREATEST_PASSWORD:
        return f"A password has {LEAST_PASSWORD} to {GREATEST_PASSWORD} characters."
    return ""
