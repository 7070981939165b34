"""Revocation of a pair as a whole (Doorkeeper 5.6.6).

Two of the engine's holes are not copied: a refresh token whose access token has expired is revoked too, and the token
of a public client is revoked only by that client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.engines.doorkeeper.errors import NOT_AUTHORIZED
from traktauth.server.errors import OAuthError
from traktauth.server.oauth.rotation import REVOKED

if TYPE_CHECKING:
    from traktauth.server.oauth.request import TokenRequest
    from traktauth.server.storage.models import TokenPair


def find_pair(request: TokenRequest) -> TokenPair | None:
    """Return the pair that the parameter `token` belongs to; with the hint `refresh_token` only by that one."""
    token = request.parameter("token")
    if request.parameter("token_type_hint") == "refresh_token":
        return request.db.tokens.by_refresh_token(token)
    return request.db.tokens.by_access_token(token) or request.db.tokens.by_refresh_token(token)


def revoke(request: TokenRequest) -> dict[str, Any]:
    """Revoke both tokens of the pair; an unknown token counts as revoked (RFC 7009 section 2.2).

    Raises:
        OAuthError: it is another client's.
    """
    pair, db = find_pair(request), request.db
    if pair is not None:
        if pair.client != request.client.id:
            raise OAuthError(*NOT_AUTHORIZED)
        db.tokens.end_access(pair.id, REVOKED)
        db.tokens.end_refresh(pair.id, REVOKED)
        db.clients.revoke_consent(pair.client, pair.user_id)
    return {}
