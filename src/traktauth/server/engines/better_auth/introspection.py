"""Introspection and user info as better-auth's oauth-provider answers them (measured on 1.6.33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.errors import OAuthError

if TYPE_CHECKING:
    from traktauth.server.oauth.request import TokenRequest
    from traktauth.server.storage.models import TokenPair

INACTIVE: dict[str, Any] = {"active": False}


def introspect(request: TokenRequest) -> dict[str, Any]:
    """Describe a token; an expired, revoked or foreign one is inactive.

    Raises:
        OAuthError: no token of the hinted kind was found.
    """
    hint = request.parameter("token_type_hint")
    token = request.parameter("token").removeprefix("Bearer ")
    if hint != "refresh_token":
        pair = request.db.tokens.by_access_token(token)
        if pair is not None and not pair.access_ended:
            return _describe(request, pair, expires=pair.access_expires)
        if hint:
            raise OAuthError(400, "invalid_request", "Invalid access token")
    pair = request.db.tokens.by_refresh_token(token)
    if pair is None:
        raise OAuthError(400, "invalid_token" if hint else "invalid_request", "token not found")
    if pair.refresh_ended:
        return INACTIVE
    return _describe(request, pair, expires=pair.refresh_expires or request.now + 1)


def user_info(request: TokenRequest) -> dict[str, Any]:
    """Describe the user of an access token with the scope `openid`.

    Raises:
        OAuthError: the token is missing or invalid, or lacks that scope.
    """
    token = request.sent.bearer
    if not token:
        raise OAuthError(401, "invalid_request", "authorization header not found")
    pair = request.db.tokens.by_access_token(token)
    if pair is None or pair.access_ended:
        raise OAuthError(400, "invalid_request", "Invalid access token")
    scopes = pair.scope.split() if pair.access_expires > request.now else []
    if "openid" not in scopes:
        raise OAuthError(400, "invalid_scope", "Missing required scope")
    user = request.db.users.get(pair.user_id)
    if user is None:
        raise OAuthError(400, "invalid_request", "user not found")
    members: dict[str, Any] = {"sub": str(user.id)}
    if "profile" in scopes:
        members["name"] = user.username
    if "email" in scopes:
        members |= {"email": user.email, "email_verified": False}
    return members


def _describe(request: TokenRequest, pair: TokenPair, *, expires: float) -> dict[str, Any]:
    client = request.client
    if pair.client != client.id or expires <= request.now:
        return INACTIVE
    session = request.db.users.session(pair.session) if pair.session else None
    return {
        "active": True,
        "iss": request.policy.issuer,
        "client_id": client.client_id,
        "sub": str(pair.user_id) if pair.user_id else None,
        "sid": str(session.id) if session and session.expires > request.now else None,
        "exp": int(expires),
        "iat": int(pair.created),
        "scope": pair.scope,
    }
