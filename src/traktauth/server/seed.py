"""Apps and users that a server begins with: a seed file's, or one demo app and one demo user.

A seed is applied at each start: apps by `client_id` and users by `username` are made or brought into line.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from traktauth.protocol import OUT_OF_BAND
from traktauth.server import passwords, strings
from traktauth.server.given import read_json
from traktauth.server.http.encodings import items_of, members_of
from traktauth.server.redirects import fault_of
from traktauth.server.storage.records import App

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from traktauth.server.storage.tables import Tables

DEMO_REDIRECTS = ("http://127.0.0.1:9876/callback", OUT_OF_BAND)
DEMO_USER = "demo"
HASHERS = 4


class SeedUser(NamedTuple):
    """A user to make; the password in the clear is told once and not kept."""

    username: str
    password: str
    email: str


class Seed(NamedTuple):
    """What to begin with."""

    apps: tuple[App, ...]
    users: tuple[SeedUser, ...]


def read_seed(source: str | Path | Mapping[str, Any]) -> Seed:
    """Read a seed.

    Raises:
        ValueError: the file cannot be read, or does not hold what it should; the message says what and where.
    """
    members = members_of(read_json(source, "seed"))
    if members is None:
        raise ValueError('A seed must be an object with "apps" and "users"')
    apps = tuple(_app(value, f"apps[{at}]") for at, value in enumerate(_list(members, "apps")))
    users = tuple(_user(value, f"users[{at}]") for at, value in enumerate(_list(members, "users")))
    return Seed(apps, users)


def apply_seed(tables: Tables, seed: Seed, *, now: float, strict: bool = False) -> None:
    """Bring the database into line with a seed; a user whose password is already right is left alone.

    *strict* keeps only the hashes of the apps' secrets.
    """
    for app in seed.apps:
        tables.apps.save(kept_as_hash(app) if strict else app)
    known = [tables.people.named(user.username) for user in seed.users]
    kept = [person.password_hash if person else None for person in known]
    with ThreadPoolExecutor(HASHERS) as pool:  # hashing is slow on purpose, and lets other threads run
        hashes = list(pool.map(_hash, seed.users, kept))
    for user, hashed in zip(seed.users, hashes, strict=True):
        tables.people.save(user.username, email=user.email, password_hash=hashed, now=now)


def hash_secrets(tables: Tables) -> None:
    """Keep only the hash of each app's secret that can still be read, from a time without `strict`."""
    for app in tables.apps.all():
        if app.secret is not None:
            tables.apps.save(kept_as_hash(app))


def demo() -> Seed:
    """Make a demo app and a demo user with an invented password."""
    app = app_made("Demo app", DEMO_REDIRECTS)
    user = SeedUser(DEMO_USER, passwords.invented(), f"{DEMO_USER}@example.test")
    return Seed((app,), (user,))


def kept_as_hash(app: App) -> App:
    """Give an app of whose secret only the hash is kept."""
    return app if app.secret is None else app._replace(secret=None, secret_hash=strings.digest(app.secret))


def app_made(name: str, redirects: tuple[str, ...], *, confidential: bool = True, owner: int | None = None) -> App:
    """Make an app with an id and a secret of its own."""
    secret = secrets.token_hex(32) if confidential else None
    lines = "\n".join(redirects)
    flags = {"trusted": False, "require_pkce": False, "disabled": False}
    return App(0, strings.client_id(), name, secret, None, lines, confidential=confidential, owner=owner, **flags)


def _hash(user: SeedUser, kept: str | None) -> str:
    return kept if kept and passwords.matches(user.password, kept) else passwords.hashed(user.password)


def _list(source: dict[str, Any], name: str) -> list[Any]:
    found = items_of(source.get(name, []))
    if found is None:
        raise ValueError(f'"{name}" in the seed must be a list')
    return found


def _app(found: object, where: str) -> App:
    value = members_of(found) or {}
    redirects = items_of(value.get("redirect_uris"))
    if redirects is None or not all(isinstance(address, str) for address in redirects):
        raise ValueError(f'{where} in the seed needs "redirect_uris", a list of addresses')
    for at, address in enumerate(redirects):
        fault = fault_of(address)
        if fault:
            raise ValueError(f"{where} in the seed: redirect_uris[{at}] {fault}")
    secret = value.get("client_secret")
    if secret is not None and not isinstance(secret, str):
        raise ValueError(f'{where} in the seed: "client_secret" must be a text or null')
    confidential = bool(value.get("confidential", True)) and secret is not None
    return App(
        0, _text(value, "client_id", where), str(value.get("name", "An app")), secret, None, "\n".join(redirects),
        confidential, bool(value.get("trusted", False)), bool(value.get("require_pkce", False)),
        disabled=False, owner=None,
    )  # fmt: skip


def _user(found: object, where: str) -> SeedUser:
    value = members_of(found) or {}
    username = _text(value, "username", where)
    return SeedUser(username, _text(value, "password", where), str(value.get("email") or f"{username}@example.test"))


def _text(value: dict[str, Any], name: str, where: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise ValueError(f'{where} in the seed needs "{name}", a text')
    return found
