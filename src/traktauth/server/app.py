"""Assemble a local Trakt."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from traktauth.server.control.api import call_routes
from traktauth.server.control.live_page import live_page_routes
from traktauth.server.engines.better_auth.profile import CURRENT
from traktauth.server.engines.doorkeeper.profile import CLASSIC
from traktauth.server.http.api import (
    Operation,
    behind_token,
    history_of,
    nothing_added,
    profile_of,
    read_responses,
    settings_of,
)
from traktauth.server.http.context import Demo, ServerContext, make_policy
from traktauth.server.http.discovery import discovery_routes, health_routes
from traktauth.server.http.dispatcher import Dispatcher
from traktauth.server.http.exchange import AccessLog, Exchange, ExchangeLog
from traktauth.server.http.faults import Fault, read_faults
from traktauth.server.http.limits import rate_limited
from traktauth.server.http.oauth import make_handler
from traktauth.server.pages.html_response import not_found
from traktauth.server.pages.routes import page_routes
from traktauth.server.seed import SEEDED_USERS, Seed, apply_seed, demo_seed, read_seed, seeded_users
from traktauth.server.settings import Settings, default_database
from traktauth.server.storage.database import Database
from traktauth.server.storage.repositories import Repositories

PROFILES = {profile.name: profile for profile in (CURRENT, CLASSIC)}
"""The profiles by name; a new engine version is a new package beside theirs."""
KEY = "form key"
API = {
    "/users/settings": {"GET": Operation(settings_of)},
    "/users/me": {"GET": Operation(profile_of)},
    "/sync/history": {"GET": Operation(history_of, is_list=True), "POST": Operation(nothing_added, 201)},
}


class Built(NamedTuple):
    """A server that only needs a socket."""

    application: ASGIApp
    context: ServerContext
    announcement: dict[str, Any]
    log: AccessLog | None

    def close(self) -> None:
        """Close the database and the access log."""
        self.context.database.close()
        if self.log is not None:
            self.log.close()


class Files(NamedTuple):
    """What a server is given in files, or as values: apps and users, faults, and responses of the API."""

    seed: Seed | None
    faults: list[Fault]
    responses: dict[str, dict[str, Operation]]


def read_files(settings: Settings) -> Files:
    """Read and check what a server is given in files; a ValueError says what is wrong, and where."""
    paths = PROFILES[settings.profile].oauth_paths
    seed = None if settings.seed is None else read_seed(settings.seed)
    faults = [] if settings.faults is None else read_faults(settings.faults, paths)
    return Files(seed, faults, read_responses(settings.responses))


def build(settings: Settings, url: str, *, show_request: Callable[[Exchange], None] | None = None) -> Built:
    """Open the database, apply the seed, and make the application for the origin *url*.

    *show_request* is called with each request that was served. Raises ValueError for files that make no sense, and
    StorageUnavailable for a database that cannot be used.
    """
    profile, given = PROFILES[settings.profile], read_files(settings)
    policy = make_policy(settings, profile, settings.public_url or url)
    address = settings.database_address
    with contextlib.ExitStack() as opened:  # closed if anything that follows fails
        database = Database(address, makes_folder=address == default_database())
        opened.callback(database.close)
        key, announcement = database.write(lambda db: _prepare(db, given.seed))
        log = None if settings.access_log is None else AccessLog(settings.access_log)
        if log is not None:
            opened.callback(log.close)
        writers = [*([log.write] if log else []), *([show_request] if show_request else [])]
        exchanges = ExchangeLog(is_kept=settings.control, writers=writers)
        demo = _demo(settings, announcement)
        context = ServerContext(settings, profile, policy, database, key, exchanges, faults=given.faults, demo=demo)
        application = make_application(context, given.responses)
        opened.pop_all()
    announcement = {"url": policy.issuer, "profile": profile.name, **announcement, "control": settings.control}
    return Built(application, context, announcement, log)


def _demo(settings: Settings, announcement: dict[str, Any]) -> Demo | None:
    """Return what the pages may show of the demo's secrets: those that this start has made, on loopback."""
    known = [user for user in announcement["users"] if user["password"]]
    if settings.seed is not None or not settings.loopback or not known:
        return None
    secret, redirect_uri = announcement["client_secret"] or "", announcement["redirect_uris"][0]
    return Demo(announcement["client_id"], secret, redirect_uri, known[0]["username"], known[0]["password"])


def make_application(context: ServerContext, responses: Mapping[str, dict[str, Operation]]) -> ASGIApp:
    """Make the application that answers for a context; *responses* are those of the API that a test has given."""
    api = {path: dict(operations) for path, operations in API.items()}
    for path, operations in responses.items():
        api.setdefault(path, {}).update(operations)
    direct = {endpoint.path: make_handler(context, endpoint) for endpoint in context.profile.endpoints} | {
        path: behind_token(context, **operations) for path, operations in api.items()
    }
    if context.settings.rate_limits == "trakt":
        direct = {path: rate_limited(path, handler, context) for path, handler in direct.items()}
    routes = [*discovery_routes(context), *health_routes(context), *page_routes(context)]
    if context.settings.control:
        routes += [*call_routes(context), *live_page_routes(context)]
    application: ASGIApp = Dispatcher(context, direct, routes, not_found)
    if context.settings.trust_proxy:
        inner = cast("Any", application)  # uvicorn has types of its own for ASGI
        application = cast("ASGIApp", ProxyHeadersMiddleware(inner, trusted_hosts=["127.0.0.0/8", "::1"]))
    return application


def _prepare(db: Repositories, seed: Seed | None) -> tuple[bytes, dict[str, Any]]:
    """Prepare a database; return its form key and what to announce of apps and users."""
    if seed is None and not db.clients.all():
        seed = demo_seed()
    key = db.settings.get(KEY)
    if key is None:
        key = secrets.token_hex(32)
        db.settings.set(KEY, key)
    known = seeded_users(db)
    passwords = {user.username: user.password for user in seed.users} if seed else {}
    if seed is not None:
        apply_seed(db, seed, now=time.time())
        known = list(dict.fromkeys([*known, *passwords]))
        db.settings.set(SEEDED_USERS, json.dumps(known))
    first = seed.apps[0].client_id if seed and seed.apps else None
    app = db.clients.by_client_id(first) if first else next(iter(db.clients.all()), None)
    return bytes.fromhex(key), {
        "client_id": app and app.client_id,
        "client_secret": (seed.apps[0] if seed and seed.apps else app).secret if app else None,
        "redirect_uris": app.redirects if app else [],
        "users": [{"username": name, "password": passwords.get(name)} for name in known],
    }
