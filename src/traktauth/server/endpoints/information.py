"""What the server says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from traktauth.server.endpoints.openapi import description
from traktauth.server.grants.identity import published_keys
from traktauth.server.http.answers import Answer, in_json
from traktauth.server.http.application import Application
from traktauth.server.metadata import FRESH

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from traktauth.server.realm import Realm

WELL_KNOWN = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


def described(realm: Realm) -> list[Route]:
    """Make the addresses of the metadata (RFC 8414 section 3)."""
    answer = in_json(200, realm.profile.metadata(realm.terms), FRESH)

    async def metadata(scope: Scope, receive: Receive, send: Send) -> None:
        allowed = scope["method"] in ("GET", "HEAD")
        await (answer if allowed else Answer(405, b"", {"allow": "GET"}))(scope, receive, send)

    async def keys(scope: Scope, receive: Receive, send: Send) -> None:
        found = await realm.storage.read(published_keys)
        await in_json(200, found)(scope, receive, send)

    routes = [Route(path, Application(metadata)) for path in WELL_KNOWN]
    routes.append(Route("/openapi.json", Application(in_json(200, description(realm)))))
    return [*routes, Route("/api/auth/jwks", Application(keys))] if realm.profile.native_authorize else routes
