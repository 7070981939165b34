"""What Doorkeeper's endpoints do beside the grants, and its metadata (measured on 5.6.6)."""

from __future__ import annotations

from typing import Any

from traktauth.server.engines.doorkeeper.wire import BAD_CLIENT, NOT_AUTHORIZED
from traktauth.server.errors import OAuthError
from traktauth.server.oauth.checks import load_authenticated_client
from traktauth.server.oauth.request import TokenPolicy, TokenRequest
from traktauth.server.oauth.rotation import REVOKED, end_parent
from traktauth.server.storage.schema import TokenPair

UNAUTHORIZED = (
    "The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed."
)
AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


def introspect(request: TokenRequest) -> dict[str, Any]:
    """Describe a token to the client it belongs to (RFC 7662); any other is inactive."""
    pair = find_pair(request)
    if request.sent.client_id:
        if not load_authenticated_client(request):
            raise OAuthError(*BAD_CLIENT)
        caller = request.client.id
    else:
        caller = _client_by_bearer(request, pair)
    if pair is None or not _is_accessible(request, pair) or pair.client != caller:
        return {"active": False}
    client = request.db.clients.get(pair.client)
    return {
        "active": True,
        "scope": pair.scope,
        "client_id": client and client.client_id,
        "token_type": "Bearer",
        "exp": int(pair.access_expires),
        "iat": int(pair.created),
    }


def token_info(request: TokenRequest) -> dict[str, Any]:
    """Describe the access token that the request was sent with."""
    pair = request.db.tokens.by_access_token(request.sent.bearer)
    if pair is not None:
        end_parent(request.db, pair, access_outlives=request.policy.access_outlives)
    if pair is None or not _is_accessible(request, pair):
        raise _invalid_token()
    client = request.db.clients.get(pair.client)
    return {
        "resource_owner_id": pair.user_id or None,
        "scope": pair.scope.split(),
        "expires_in": int(pair.access_expires - request.now),
        "application": {"uid": client and client.client_id},
        "created_at": int(pair.created),
    }


def _client_by_bearer(request: TokenRequest, pair: TokenPair | None) -> int:
    """Return the client that sent another access token of its."""
    bearer = request.db.tokens.by_access_token(request.sent.bearer)
    if bearer is None:
        raise OAuthError(400, "invalid_request", UNAUTHORIZED)
    if pair is None or bearer.id == pair.id or not _is_accessible(request, bearer) or bearer.client != pair.client:
        raise _invalid_token()
    return bearer.client


def _is_accessible(request: TokenRequest, pair: TokenPair) -> bool:
    return not pair.access_ended and pair.access_expires > request.now


def _invalid_token() -> OAuthError:
    """Return the error of an invalid token; Doorkeeper gives it a state, whatever the request's was."""
    return OAuthError(401, "invalid_token", "The access token is invalid", state="unauthorized")


def find_pair(request: TokenRequest) -> TokenPair | None:
    """Return the pair that the parameter `token` belongs to; with the hint `refresh_token` only by that one."""
    token = request.parameter("token")
    if request.parameter("token_type_hint") == "refresh_token":
        return request.db.tokens.by_refresh_token(token)
    return request.db.tokens.by_access_token(token) or request.db.tokens.by_refresh_token(token)


def revoke(request: TokenRequest) -> dict[str, Any]:
    """Revoke both tokens of the pair; an unknown token counts as revoked (RFC 7009 section 2.2).

    Two of the engine's holes are not copied: a refresh token whose access token has expired is revoked too, and the
    token of a public client is revoked only by that client.
    """
    pair, db = find_pair(request), request.db
    if pair is not None:
        if pair.client != request.client.id:
            raise OAuthError(*NOT_AUTHORIZED)
        db.tokens.end_access(pair.id, REVOKED)
        db.tokens.end_refresh(pair.id, REVOKED)
        db.consents.delete(client=pair.client, user_id=pair.user_id)
    return {}


def metadata(policy: TokenPolicy) -> dict[str, Any]:
    """Describe Trakt's paths; its device codes are not those of RFC 8628, and so are not named."""
    base = f"{policy.issuer}/oauth"
    return {
        "issuer": policy.issuer,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "introspection_endpoint": f"{base}/introspect",
        "revocation_endpoint": f"{base}/revoke",
        "scopes_supported": list(policy.scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": [*AUTH_METHODS, "none"],
        "introspection_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_methods_supported": [*AUTH_METHODS, "none"],
        "code_challenge_methods_supported": ["S256", "plain"],
    }
