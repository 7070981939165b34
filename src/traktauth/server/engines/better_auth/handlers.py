"""What better-auth's endpoints do beside the grants, and its metadata (measured on oauth-provider 1.6.33)."""

from __future__ import annotations

from typing import Any

from traktauth.server.errors import OAuthError
from traktauth.server.oauth.device import create_session, rfc8628_error, take_approved
from traktauth.server.oauth.id_token import HAS_EDDSA
from traktauth.server.oauth.request import TokenPolicy, TokenRequest
from traktauth.server.oauth.rotation import REVOKED
from traktauth.server.storage.schema import TokenPair

INACTIVE: dict[str, Any] = {"active": False}
ACCESS, REFRESH = "access_token", "refresh_token"
ID_TOKENS = {
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["EdDSA"],
}
AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


def introspect(request: TokenRequest) -> dict[str, Any]:
    """Describe a token; an expired, revoked or foreign one is inactive, and one that is not found an error."""
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
    """Describe the user of a valid access token with the scope `openid`."""
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
    session = request.db.sessions.get(pair.session) if pair.session else None
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


def revoke(request: TokenRequest) -> bool:
    """Revoke the token; return False if it is another client's, which stays valid.

    Revoking an access token leaves its refresh token valid; revoking a refresh token ends the access token issued with
    it, but not those from before the last rotation. A used refresh token that is sent here counts as a replay.
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


def poll_session(request: TokenRequest) -> dict[str, Any]:
    """Return a session token for an approved code, at the engine's own path (measured on its device plugin, 1.6.33)."""
    device, user = take_approved(request, rfc8628_error)
    request.db.device_codes.delete(id=device.id)  # as the engine does: Trakt's path does not know the code any more
    token = create_session(request, user)[1]
    lifetime = request.policy.lifetimes.session
    return {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": device.scope}


def metadata(policy: TokenPolicy) -> dict[str, Any]:
    """Describe better-auth's own paths, as 1.6.33 does: no device endpoint, and no auth method `none`."""
    base, issuer = f"{policy.issuer}/api/auth/oauth2", policy.issuer
    return {
        "scopes_supported": list(policy.scopes),
        "issuer": issuer,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "introspection_endpoint": f"{base}/introspect",
        "revocation_endpoint": f"{base}/revoke",
        "userinfo_endpoint": f"{base}/userinfo",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "introspection_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        **(ID_TOKENS | {"jwks_uri": f"{issuer}/api/auth/jwks"} if HAS_EDDSA else {}),
    }
