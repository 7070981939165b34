"""Put a local Trakt together; the only room that picks a database."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.routing import Router

from traktauth.server.access_log import AccessLog, Logged
from traktauth.server.control.routes import control_routes
from traktauth.server.endpoints.api import behind_token, nothing_added, profile_of, settings_of
from traktauth.server.endpoints.health import health_routes
from traktauth.server.endpoints.information import described
from traktauth.server.endpoints.protocol import served
from traktauth.server.faults import read_faults
from traktauth.server.front import Front
from traktauth.server.ledger import Ledger
from traktauth.server.limits import limited
from traktauth.server.pages.absent import absent
from traktauth.server.pages.routes import page_routes
from traktauth.server.profiles import PROFILES
from traktauth.server.profiles.strict import strictly
from traktauth.server.realm import Realm, terms_of
from traktauth.server.seed import Seed, apply_seed, demo, hash_secrets, read_seed
from traktauth.server.storage import sqlite
from traktauth.server.storage.base import StorageDown
from traktauth.server.storage.sqlite import SqliteFile, SqliteMemory
from traktauth.server.throttle import guarded
from traktauth.server.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from traktauth.server.doors.base import Endpoint
    from traktauth.server.front import Direct
    from traktauth.server.settings import Settings
    from traktauth.server.storage.postgres.storage import Postgres
    from traktauth.server.storage.tables import Tables

    Tell = Callable[[list[str]], None]

NO_DRIVER = "PostgreSQL needs packages of its own: pip install 'traktauth[server,postgres]'"
STATES = {False: "new", True: "ready"}
USERS = "announced users"
KEY = "form key"


class Built(NamedTuple):
    """A server that only needs a socket."""

    application: ASGIApp
    realm: Realm
    announcement: dict[str, Any]
    log: AccessLog | None

    def close(self) -> None:
        """Let go of the database and of the access log."""
        self.realm.storage.close()
        if self.log is not None:
            self.log.close()


def build(settings: Settings, url: str) -> Built:
    """Open the database, apply the seed, and make the application for the origin *url*.

    Raises:
        ValueError: the seed, the faults or the access log make no sense.
        StorageDown: the database cannot be used.
    """
    profile = PROFILES[settings.profile]
    if settings.strict:
        profile = strictly(profile)
    seed = None if settings.seed is None else read_seed(settings.seed)
    faults = [] if settings.faults is None else read_faults(settings.faults)
    terms = terms_of(settings, profile, settings.public_url or url)
    ledger = Ledger()
    storage = opened(settings.database_address, ledger.note)
    try:
        key, announcement = storage.at_once(lambda tables: _begin(tables, seed, strict=settings.strict))
        log = None if settings.access_log is None else AccessLog(settings.access_log)
    except BaseException:
        storage.close()
        raise
    realm = Realm(settings, profile, terms, storage, key, ledger=ledger, timeline=Timeline(kept=settings.control))
    realm.faults.replace(faults)
    announcement = {"url": terms.issuer, "profile": profile.name, **announcement, "control": settings.control}
    return Built(application_of(realm, log), realm, announcement, log)


def opened(address: str, tell: Tell) -> SqliteFile | SqliteMemory | Postgres:
    """Open a database.

    Raises:
        StorageDown: it cannot be used.
        ValueError: its kind is unknown.
    """
    scheme, _, path = address.partition(":")
    if scheme == "memory":
        return SqliteMemory(tell)
    if scheme == "sqlite":
        return SqliteFile(Path(path).expanduser(), tell)
    if scheme in ("postgresql", "postgres"):
        return _postgres(address, tell)
    raise ValueError(f"database {scheme!r} is unknown; give sqlite:/PATH, memory: or postgresql://…")


def _postgres(address: str, tell: Tell) -> Postgres:
    try:
        from traktauth.server.storage.postgres.storage import Postgres  # noqa: PLC0415 - an extra, and costly
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("traktauth"):
            raise
        raise StorageDown(NO_DRIVER) from None
    return Postgres(address, tell)


def looked_at(address: str) -> str:
    """Say what a database is, without making it: `new` or `ready`.

    Raises:
        StorageDown: it cannot be used.
        ValueError: its address is none.
    """
    scheme, _, path = address.partition(":")
    if scheme == "memory":
        return "new"
    if scheme == "sqlite":
        return STATES[sqlite.looked_at(Path(path).expanduser())]
    try:
        from traktauth.server.storage.postgres.looking import looked_at as look  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise StorageDown(NO_DRIVER) from error
    return STATES[look(address)]


def application_of(realm: Realm, log: AccessLog | None = None) -> ASGIApp:
    """Make the application that answers for a realm."""
    direct = {endpoint.path: _protected(realm, endpoint) for endpoint in realm.profile.endpoints} | {
        "/users/settings": behind_token(realm, "GET", settings_of),
        "/users/me": behind_token(realm, "GET", profile_of),
        "/sync/history": behind_token(realm, "POST", nothing_added, status=201),
    }
    if realm.settings.rate_limits == "trakt":
        direct = {path: limited(path, answer, realm) for path, answer in direct.items()}
    routes = [*described(realm), *health_routes(realm), *page_routes(realm), *control_routes(realm)]
    front = Front(realm, direct, Router(routes, redirect_slashes=False, default=absent))
    return front if log is None else Logged(front, log, paths=direct, routes=routes)


def _protected(realm: Realm, endpoint: Endpoint) -> Direct:
    """Make what answers at one address of the protocol, behind a stop where secrets could be guessed."""
    answer = served(realm, endpoint)
    return guarded(answer, realm.proofs, realm.clock) if endpoint.guarded else answer


def _begin(tables: Tables, seed: Seed | None, *, strict: bool) -> tuple[bytes, dict[str, Any]]:
    """Bring a database to its beginning; give its form key and what is to be announced of apps and users."""
    import time  # noqa: PLC0415 - the clock is not running yet

    if seed is None and not tables.apps.all():
        seed = demo()
    key = tables.upkeep.setting(KEY)
    if key is None:
        key = secrets.token_hex(32)
        tables.upkeep.remember(KEY, key)
    known: list[str] = json.loads(tables.upkeep.setting(USERS) or "[]")
    passwords = {user.username: user.password for user in seed.users} if seed else {}
    if seed is not None:
        apply_seed(tables, seed, now=time.time(), strict=strict)
        known = list(dict.fromkeys([*known, *passwords]))
        tables.upkeep.remember(USERS, json.dumps(known))
    if strict:
        hash_secrets(tables)
    first = seed.apps[0].client_id if seed and seed.apps else None
    app = tables.apps.named(first) if first else next(iter(tables.apps.all()), None)
    return bytes.fromhex(key), {
        "client_id": app and app.client_id,
        "client_secret": (seed.apps[0] if seed and seed.apps else app).secret if app else None,
        "redirect_uris": app.redirects if app else [],
        "users": [{"username": name, "password": passwords.get(name)} for name in known],
    }
