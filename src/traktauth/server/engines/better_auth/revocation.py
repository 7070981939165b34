"""Revocation of access and refresh tokens separately (measured on better-auth 1.6.33).

Revoking an access token leaves its refresh token valid; revoking a refresh token ends the access token issued with it,
but not those from before the last rotation. A used refresh token that is sent here counts as a replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.errors import OAuthError
from traktauth.server.oauth.rotation import REVOKED

if TYPE_CHECKING:
    from traktauth.server.oauth.request import TokenRequest

ACCESS, REFRESH = "access_token", "refresh_token"


def revoke(request: TokenRequest) -> bool:
    """Revoke the token; return False if it is another client's, which stays valid.

    Raises:
        OAuthError: no token of the hinted kind was found, or it is a used refresh token.
    """
    hint = request.parameter("token_type_hint")
    token = request.parameter("token").removeprefix("Bearer ")
    if hint != REFRESH:
        is_own = _revoke_access(request, token)
        if is_own is not None:
            return is_own
        if hint == ACCESS:
            raise OAuthError(400, "invalid_request", "Invalid access token")
    return _revoke_refresh(request, token)


def _revoke_access(request: TokenRequest, token: str) -> bool | None:
    pair = request.db.tokens.by_access_token(token)
    if pair is None or pair.access_ended:
        return None
    return pair.client == request.client.id and request.db.tokens.end_access(pair.id, REVOKED)


def _revoke_refresh(request: TokenRequest, token: str) -> bool:
    client, tokens = request.client.id, request.db.tokens
    pair = request.db.tokens.by_refresh_token(token)
    if pair is None:
        raise OAuthError(400, "invalid_request", "token not found")
    if pair.refresh_ended is not None:
        request.policy.rotation.on_reuse(request.db, pair, client=client)
        is_hinted = request.parameter("token_type_hint") == REFRESH
        raise OAuthError(400, "invalid_request", "refresh token revoked" if is_hinted else "token not found")
    if pair.client != client:
        return False
    tokens.end_access(pair.id, REVOKED)
    return tokens.end_refresh(pair.id, REVOKED)
