"""Server metadata as better-auth publishes it (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.oauth.id_token import HAS_EDDSA

if TYPE_CHECKING:
    from traktauth.server.oauth.policy import TokenPolicy

ID_TOKENS = {
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["EdDSA"],
}
AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


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
