"""What a server says about itself (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.grants.identity import SIGNS

if TYPE_CHECKING:
    from traktauth.server.terms import Terms

WELL_KNOWN = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
FRESH = {"cache-control": "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"}
IDENTITY = {
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["EdDSA"],
}
SECRETS = ["client_secret_basic", "client_secret_post"]


def native_metadata(terms: Terms) -> dict[str, Any]:
    """Describe better-auth's own paths, as it does (1.6.33): no device endpoint, and `none` is not named."""
    base, issuer = f"{terms.issuer}/api/auth/oauth2", terms.issuer
    return {
        "scopes_supported": list(terms.scopes),
        "issuer": issuer,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "introspection_endpoint": f"{base}/introspect",
        "revocation_endpoint": f"{base}/revoke",
        "userinfo_endpoint": f"{base}/userinfo",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": SECRETS,
        "introspection_endpoint_auth_methods_supported": SECRETS,
        "revocation_endpoint_auth_methods_supported": SECRETS,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        **(IDENTITY | {"jwks_uri": f"{issuer}/api/auth/jwks"} if SIGNS else {}),
    }


def trakt_metadata(terms: Terms) -> dict[str, Any]:
    """Describe Trakt's paths, as the profile `classic` serves them; its device codes, not RFC 8628's, are not named."""
    base = f"{terms.issuer}/oauth"
    return {
        "issuer": terms.issuer,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "introspection_endpoint": f"{base}/introspect",
        "revocation_endpoint": f"{base}/revoke",
        "scopes_supported": list(terms.scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": [*SECRETS, "none"],
        "introspection_endpoint_auth_methods_supported": SECRETS,
        "revocation_endpoint_auth_methods_supported": [*SECRETS, "none"],
        "code_challenge_methods_supported": ["S256", "plain"],
    }
