"""Sign in, sign up, sign out."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from starlette.responses import Response

from traktauth.server.errors import ValidationError
from traktauth.server.http.throttle import network_of
from traktauth.server.messages import address_of
from traktauth.server.oauth.authorization import without_prompts
from traktauth.server.oauth.redirect_uri import is_registered
from traktauth.server.pages.authorization import evaluate_query
from traktauth.server.pages.page_request import PageRequest
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import Client, User
from traktauth.server.tokens import generate_token, hash_password, password_matches

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,29}")
EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}")
OWN_PAGES = ("connected-apps", "your-apps")
"""Where a sign-in without an app may lead; anything else would be an open redirect."""
LEAST_PASSWORD, GREATEST_PASSWORD = 8, 200


async def show_sign_in(visit: PageRequest) -> Response:
    """Show the form; to a user who is signed in already, who that is, unless an app asks for another sign-in."""
    if visit.visitor is not None and visit.query_parameters.keys().isdisjoint(("again", "client_id")):
        return visit.show("signed_in", title="Signed in", onward=onward(visit.query))
    return await _form(visit, "sign_in")


async def show_sign_up(visit: PageRequest) -> Response:
    """Show the form."""
    return await _form(visit, "sign_up")


async def sign_in(visit: PageRequest) -> Response:
    """Check name and password; after five wrong ones in a minute, a user has to wait."""
    context, name = visit.context, visit.form.get("username", "").strip()
    key = f"{name.lower()} {network_of(address_of(visit.request))}"
    wait = context.passwords.wait(key, now=context.clock())
    if wait > 0:
        problem = f"Too many wrong passwords. Try again in {int(wait) + 1} seconds."
        response = await _form(visit, "sign_in", problem=problem, status=429)
        response.headers["retry-after"] = str(int(wait) + 1)
        return response
    user = _proven(visit, name)
    if user is None:
        context.passwords.count(key, now=context.clock())
        return await _form(visit, "sign_in", problem="User name or password is wrong.", status=400)
    context.passwords.forgive(key)
    return await _start_session(visit, user)


async def sign_up(visit: PageRequest) -> Response:
    """Make a user and sign in."""
    context, form = visit.context, visit.form
    name, email, password = form.get("username", "").strip(), form.get("email", "").strip(), form.get("password", "")
    invalid_field, problem = _problem(name, email, password)
    if problem:
        return await _form(visit, "sign_up", problem=problem, invalid_field=invalid_field, status=400)
    kept = hash_password(password)

    def work(db: Repositories) -> User | None:
        if db.users.find(username=name) is not None:
            return None
        return db.users.save(name, email=email, password_hash=kept, now=context.clock())

    user = context.database.write(work)
    if user is None:
        return await _form(visit, "sign_up", problem="That user name is taken.", invalid_field="username", status=409)
    return await _start_session(visit, user)


async def sign_out(visit: PageRequest) -> Response:
    """End the session."""
    visitor = visit.visitor
    if visitor is not None:
        visit.context.database.write(lambda db: db.sessions.delete(id=visitor.session.id))
    return visit.go("/", session="")


def _proven(visit: PageRequest, name: str) -> User | None:
    """Return the user of this name if the password is right."""
    user = visit.context.database.read(lambda db: db.users.find(username=name))
    kept = user.password_hash if user else None
    return user if password_matches(visit.form.get("password", ""), kept) else None


def onward(query: list[tuple[str, str]]) -> str:
    """Return the address to continue at after a sign-in, without the prompts that led here.

    Duplicates are kept; the target page rejects them.
    """
    parameters = dict(query)
    if "client_id" in parameters:
        left = [without_prompts({name: value}, "login", "create") for name, value in query]
        return f"/consent?{urlencode([pair for one in left for pair in one.items()])}"
    if parameters.get("next") in OWN_PAGES:
        return f"/{parameters['next']}"
    return f"/activate/{parameters['user_code']}" if parameters.get("user_code", "").isalnum() else "/"


async def _form(
    visit: PageRequest, name: str, *, problem: str = "", invalid_field: str = "", status: int = 200
) -> Response:
    app, leads_to = await _asker(visit)
    demo = visit.context.demo
    username, password = visit.form.get("username", ""), ""
    if demo is not None and not visit.form:
        username, password = demo.username, demo.password
    return visit.show(
        name,
        status=status,
        leads_to=leads_to,
        app=app,
        demo=demo,
        problem=problem,
        invalid_field=invalid_field,
        username="" if name == "sign_up" and not visit.form else username,
        password=password,
        email=visit.form.get("email", ""),
    )


async def _asker(visit: PageRequest) -> tuple[Client | None, str]:
    """Return the app that sent the user, and its redirect address if it is registered."""
    if "client_id" not in visit.query_parameters:
        return None, ""
    try:
        parameters = visit.context.profile.authorize.read(visit.query)
    except ValidationError:  # which is shown once the user has signed in, as everything about the request is
        return None, ""
    app = (visit.context.database.read(lambda db: evaluate_query(visit.context, db, parameters, None))).client
    redirect = parameters.get("redirect_uri", "")
    return app, redirect if app is not None and is_registered(redirect, app.redirects) else ""


async def _start_session(visit: PageRequest, user: User) -> Response:
    context, token = visit.context, generate_token()

    def work(db: Repositories) -> None:
        if visit.visitor is not None:  # a new sign-in is a new session (session fixation)
            db.sessions.delete(id=visit.visitor.session.id)
        db.sessions.create(user.id, token, now=context.clock(), lifetime=context.policy.lifetimes.session)

    context.database.write(work)
    return visit.go(onward(visit.query), session=token)


def _problem(name: str, email: str, password: str) -> tuple[str, str]:
    """Return the first invalid field, and what is wrong with it; both empty if nothing is."""
    if not USERNAME.fullmatch(name):
        return "username", "A user name has 2 to 30 letters, digits, dots, dashes or underscores."
    if not EMAIL.fullmatch(email):
        return "email", "Enter a valid e-mail address."
    if not LEAST_PASSWORD <= len(password) <= GREATEST_PASSWORD:
        return "password", f"A password has {LEAST_PASSWORD} to {GREATEST_PASSWORD} characters."
    return "", ""
