"""Apps and users that a server begins with: a seed file's, or one demo app and one demo user.

A seed is applied at each start: apps by `client_id` and users by `username` are made or brought into line.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from traktauth.protocol import OUT_OF_BAND
from traktauth.server import tokens
from traktauth.server.messages import as_list, as_object
from traktauth.server.oauth.redirect_uri import registration_problem_of
from traktauth.server.settings import read_json
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import Client
from traktauth.server.tokens import generate_password, hash_password, password_matches

DEMO_REDIRECTS = ("http://127.0.0.1:9876/callback", OUT_OF_BAND)
DEMO_USER = "demo"
SEEDED_USERS = "announced users"
"""The setting that remembers the names of the users that seeds have made."""
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
EXPECTED = 'an object such as {"apps": [{"client_id": "…", "redirect_uris": ["…"]}], "users": [{"username": "…", …}]}'
Text = Annotated[str, Meta(min_length=1)]


class SeedApp(Struct, forbid_unknown_fields=True):
    """An app as a seed has it."""

    client_id: Text
    redirect_uris: list[str]
    name: Text = "An app"
    client_secret: Text | None = None
    confidential: bool = True
    trusted: bool = False
    require_pkce: bool = False


class SeedUser(Struct, forbid_unknown_fields=True):
    """A user to make; the password in the clear is printed once and not kept."""

    username: Text
    password: Text
    email: Text | None = None

    def __repr__(self) -> str:
        return f"SeedUser({self.username!r})"


class SeedFile(Struct, forbid_unknown_fields=True):
    """What a seed file holds."""

    apps: list[SeedApp] = []
    users: list[SeedUser] = []


class Seed(NamedTuple):
    """What to begin with."""

    apps: tuple[Client, ...]
    users: tuple[SeedUser, ...]

    def __repr__(self) -> str:
        return f"Seed(apps={[app.client_id for app in self.apps]}, users={list(self.users)})"


def read_seed(source: str | Path | Mapping[str, Any]) -> Seed:
    """Read a seed; a ValueError says what in the file or the value is wrong, and where."""
    found = read_json(source, "seed", expected=EXPECTED)
    if as_object(found) is None:
        raise ValueError(f"The seed must be {EXPECTED}")
    try:
        seed = msgspec.convert(_without_null(found), SeedFile)
    except msgspec.ValidationError as error:
        raise ValueError(f"The seed is invalid: {error}") from error
    texts = [text for app in seed.apps for text in (app.client_id, app.name, app.client_secret or "")]
    texts += [text for user in seed.users for text in (user.username, user.password, user.email or "")]
    if any(map(UNSTORABLE.search, texts)):
        raise ValueError("The seed contains a NUL or an unpaired surrogate")
    _reject_duplicates([app.client_id for app in seed.apps], "apps")
    _reject_duplicates([user.username for user in seed.users], "users")
    return Seed(tuple(_client(app, f"$.apps[{at}]") for at, app in enumerate(seed.apps)), tuple(seed.users))


def apply_seed(db: Repositories, seed: Seed, *, now: float) -> None:
    """Apply a seed to the database; a user whose password is already right stays unchanged."""
    for app in seed.apps:
        db.clients.save(app)
    for user in seed.users:
        known = db.users.find(username=user.username)
        stored = known.password_hash if known else None
        if stored is None or not password_matches(user.password, stored):
            stored = hash_password(user.password)
        email = user.email or f"{user.username}@example.test"
        db.users.save(user.username, email=email, password_hash=stored, now=now)


def seeded_users(db: Repositories) -> list[str]:
    """Return the names of the users that this start's seed, or an earlier one, has made."""
    names: list[str] = json.loads(db.settings.get(SEEDED_USERS) or "[]")
    return names


def demo_seed() -> Seed:
    """Make a demo app and a demo user with a random password."""
    app = new_client("Demo app", DEMO_REDIRECTS)
    user = SeedUser(DEMO_USER, generate_password())
    return Seed((app,), (user,))


def new_client(name: str, redirects: tuple[str, ...], *, confidential: bool = True, owner: int | None = None) -> Client:
    """Make an app with an id and a secret of its own."""
    secret = secrets.token_hex(32) if confidential else None
    lines = "\n".join(redirects)
    flags = {"trusted": False, "require_pkce": False, "disabled": False}
    return Client(0, tokens.client_id(), name, secret, lines, confidential=confidential, owner=owner, **flags)


def _without_null(value: object) -> object:
    """Return a seed without the members that are null, which are as good as absent."""
    members, items = as_object(value), as_list(value)
    if members is not None:
        return {name: _without_null(member) for name, member in members.items() if member is not None}
    return value if items is None else [_without_null(item) for item in items]


def _reject_duplicates(names: list[str], what: str) -> None:
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise ValueError(f"two {what} in the seed are called {twice!r}; leave one out")


def _client(app: SeedApp, where: str) -> Client:
    for at, address in enumerate(app.redirect_uris):
        problem = registration_problem_of(address)
        if problem:
            raise ValueError(f"The seed is invalid: {problem} - at `{where}.redirect_uris[{at}]`")
    confidential = app.confidential and app.client_secret is not None
    return Client(
        0,
        app.client_id,
        app.name,
        app.client_secret,
        "\n".join(app.redirect_uris),
        confidential,
        app.trusted,
        app.require_pkce,
        disabled=False,
        owner=None,
    )
