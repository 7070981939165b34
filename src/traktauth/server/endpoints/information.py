"""What the server says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from traktauth.server.endpoints.openapi import description
from traktauth.server.grants.identity import published_keys
from traktauth.server.http.answers import Answer, in_json
from traktauth.server.http.application import got
from traktauth.server.metadata import FRESH, WELL_KNOWN

if TYPE_CHECKING:
    from traktauth.server.realm import Realm


def described(realm: Realm) -> list[Route]:
    """Make the addresses of the metadata (RFC 8414 section 3)."""
    metadata, document = in_json(200, realm.profile.metadata(realm.terms), FRESH), in_json(200, description(realm))

    async def keys() -> Answer:
        return in_json(200, await realm.storage.read(published_keys))

    routes = [Route(path, got(metadata)) for path in WELL_KNOWN] + [Route("/openapi.json", got(document))]
    return [*routes, Route("/api/auth/jwks", got(keys))] if realm.profile.native_authorize else routes
