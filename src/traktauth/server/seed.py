"""Apps and users that a server begins with: a seed file's, or one demo app and one demo user.

A seed is applied at each start: apps by `client_id` and users by `username` are made or brought into line.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

from traktauth.protocol import OUT_OF_BAND
from traktauth.server import tokens
from traktauth.server.json_file import read_json
from traktauth.server.messages import as_list, as_object
from traktauth.server.oauth import passwords
from traktauth.server.oauth.redirect_uri import registration_fault_of
from traktauth.server.storage.models import Client

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from traktauth.server.storage.repositories import Repositories

DEMO_REDIRECTS = ("http://127.0.0.1:9876/callback", OUT_OF_BAND)
DEMO_USER = "demo"
SEEDED_USERS = "announced users"
"""The setting that remembers the names of the users that seeds have made."""
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
EXPECTED = 'an object such as {"apps": [{"client_id": "…", "redirect_uris": ["…"]}], "users": [{"username": "…", …}]}'
SEED = frozenset(("apps", "users"))
APP = frozenset(("name", "client_id", "client_secret", "redirect_uris", "confidential", "trusted", "require_pkce"))
USER = frozenset(("username", "password", "email"))


class SeedUser(NamedTuple):
    """A user to make; the password in the clear is told once and not kept."""

    username: str
    password: str
    email: str

    def __repr__(self) -> str:
        return f"SeedUser({self.username!r})"


class Seed(NamedTuple):
    """What to begin with."""

    apps: tuple[Client, ...]
    users: tuple[SeedUser, ...]

    def __repr__(self) -> str:
        return f"Seed(apps={[app.client_id for app in self.apps]}, users={list(self.users)})"


def read_seed(source: str | Path | Mapping[str, Any]) -> Seed:
    """Read a seed.

    Raises:
        ValueError: the file cannot be read, or does not hold what it should; the message says what and where.
    """
    found = read_json(source, "seed", expected=EXPECTED)
    if as_object(found) is None:
        raise ValueError(f"The seed must be {EXPECTED}")
    members = _members(found, SEED, "The seed")
    apps = tuple(_app(value, f"apps[{at}] in the seed") for at, value in enumerate(_list(members, "apps")))
    users = tuple(_user(value, f"users[{at}] in the seed") for at, value in enumerate(_list(members, "users")))
    _reject_duplicates([app.client_id for app in apps], "apps")
    _reject_duplicates([user.username for user in users], "users")
    return Seed(apps, users)


def apply_seed(db: Repositories, seed: Seed, *, now: float) -> None:
    """Apply a seed to the database; a user whose password is already right stays unchanged."""
    for app in seed.apps:
        db.clients.save(app)
    for user in seed.users:
        known = db.users.by_username(user.username)
        stored = known.password_hash if known else None
        if stored is None or not passwords.matches(user.password, stored):
            stored = passwords.hash_password(user.password)
        db.users.save(user.username, email=user.email, password_hash=stored, now=now)


def seeded_users(db: Repositories) -> list[str]:
    """Return the names of the users that this start's seed, or an earlier one, has made."""
    names: list[str] = json.loads(db.settings.get(SEEDED_USERS) or "[]")
    return names


def demo() -> Seed:
    """Make a demo app and a demo user with a random password."""
    app = new_client("Demo app", DEMO_REDIRECTS)
    user = SeedUser(DEMO_USER, passwords.generate_password(), f"{DEMO_USER}@example.test")
    return Seed((app,), (user,))


def new_client(name: str, redirects: tuple[str, ...], *, confidential: bool = True, owner: int | None = None) -> Client:
    """Make an app with an id and a secret of its own."""
    secret = secrets.token_hex(32) if confidential else None
    lines = "\n".join(redirects)
    flags = {"trusted": False, "require_pkce": False, "disabled": False}
    return Client(0, tokens.client_id(), name, secret, lines, confidential=confidential, owner=owner, **flags)


def _members(found: object, names: frozenset[str], where: str) -> dict[str, Any]:
    value = as_object(found)
    if value is None:
        raise ValueError(f"{where} must be an object")
    unknown = sorted(set(value) - names)
    if unknown:
        raise ValueError(f"{where} has unknown members: {', '.join(unknown)}; it may have {', '.join(sorted(names))}")
    return {name: given for name, given in value.items() if given is not None}  # null is as good as absent


def _list(source: dict[str, Any], name: str) -> list[Any]:
    found = as_list(source.get(name, []))
    if found is None:
        raise ValueError(f'"{name}" in the seed must be a list')
    return found


def _reject_duplicates(names: list[str], what: str) -> None:
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise ValueError(f"two {what} in the seed are called {twice!r}; leave one out")


def _app(found: object, where: str) -> Client:
    value = _members(found, APP, where)
    client_id = _text(value, "client_id", where)
    redirects = as_list(value.get("redirect_uris"))
    if redirects is None or not all(isinstance(address, str) for address in redirects):
        raise ValueError(f'{where} needs "redirect_uris", a list of addresses')
    for at, address in enumerate(redirects):
        fault = registration_fault_of(address) or _fault_of_text(address)
        if fault:
            raise ValueError(f"{where}: redirect_uris[{at}] {fault}")
    secret = _text(value, "client_secret", where) if "client_secret" in value else None
    confidential = _flag(value, "confidential", where, otherwise=True) and secret is not None
    name = _text({"name": "An app", **value}, "name", where)
    trusted, pkce = _flag(value, "trusted", where), _flag(value, "require_pkce", where)
    lines = "\n".join(redirects)
    return Client(0, client_id, name, secret, lines, confidential, trusted, pkce, disabled=False, owner=None)


def _user(found: object, where: str) -> SeedUser:
    value = _members(found, USER, where)
    username, password = _text(value, "username", where), _text(value, "password", where)
    return SeedUser(username, password, _text({"email": f"{username}@example.test", **value}, "email", where))


def _flag(value: dict[str, Any], name: str, where: str, *, otherwise: bool = False) -> bool:
    found = value.get(name, otherwise)
    if not isinstance(found, bool):
        raise ValueError(f'{where}: "{name}" must be true or false')  # noqa: TRY004 - a bad file, not a bad call
    return found


def _text(value: dict[str, Any], name: str, where: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise ValueError(f'{where} needs "{name}", a text that is not empty')
    fault = _fault_of_text(found)
    if fault:
        raise ValueError(f'{where}: "{name}" {fault}')
    return found


def _fault_of_text(text: str) -> str | None:
    """Return what is wrong with a text that no database can store, None if nothing is."""
    return "contains a NUL or an unpaired surrogate" if UNSTORABLE.search(text) else None
