"""The server's metadata (RFC 8414 section 3), its description and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from traktauth.server.engines.base import WELL_KNOWN
from traktauth.server.http.openapi import description
from traktauth.server.messages import HttpResponse, get_only, json_response
from traktauth.server.oauth.id_token import published_keys

if TYPE_CHECKING:
    from traktauth.server.http.context import ServerContext

CACHING = {"cache-control": "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"}


def discovery_routes(context: ServerContext) -> list[Route]:
    """Return the routes of the metadata."""
    policy, profile = context.policy, context.profile

    async def metadata() -> HttpResponse:
        return json_response(200, profile.metadata(policy), CACHING)

    async def openapi() -> HttpResponse:
        return json_response(200, description(profile, policy.issuer))

    async def keys() -> HttpResponse:
        return json_response(200, context.database.read(published_keys))

    routes = [Route(path, get_only(metadata)) for path in WELL_KNOWN] + [Route("/openapi.json", get_only(openapi))]
    return [*routes, Route("/api/auth/jwks", get_only(keys))] if profile.native_authorize else routes
