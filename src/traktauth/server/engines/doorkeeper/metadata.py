"""Server metadata of the profile `classic` (RFC 8414)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traktauth.server.oauth.policy import TokenPolicy

AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


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
