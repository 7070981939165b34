"""Trakt: *Exchange code for access_token* (RFC 6749 section 4.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.oauth.grants.id_token import id_token

if TYPE_CHECKING:
    from traktauth.server.oauth.request import TokenRequest
    from traktauth.server.tokens import IssuedTokens

OFFLINE = "offline_access"
OPENID = "openid"


def exchange(request: TokenRequest) -> IssuedTokens:
    """Issue a pair for a code, with a refresh token."""
    return _issue(request, refreshable=True)


def exchange_by_scope(request: TokenRequest) -> IssuedTokens:
    """Issue a pair for a code, with a refresh token for `offline_access` and an ID token for `openid`."""
    scopes = request.scope.split()
    issued = _issue(request, refreshable=OFFLINE in scopes)
    if OPENID not in scopes:
        return issued
    return issued._replace(id_token=id_token(request, user=request.code.user_id, nonce=request.code.nonce))


def _issue(request: TokenRequest, *, refreshable: bool) -> IssuedTokens:
    code = request.code
    return request.db.tokens.issue(
        request.policy.lifetimes,
        now=request.now,
        client=code.client,
        user=code.user_id,
        session=code.session,
        scope=request.scope,
        refreshable=refreshable,
    )
