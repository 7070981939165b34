"""What the server says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

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

    return [Route(path, Application(metadata)) for path in WELL_KNOWN]
