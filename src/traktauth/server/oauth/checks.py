"""Checks of OAuth requests; the engines' profiles put them in order and say how each failure is answered.

A check returns whether the request passes. `load_…` puts a value on the request; what changes the database says so.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from traktauth.server.oauth.redirect_uri import is_registered, same_but_for_loopback_port
from traktauth.server.oauth.request import AuthorizationRequest, OAuthRequest, TokenRequest
from traktauth.server.storage.schema import Client
from traktauth.server.tokens import TRAKT_CHALLENGE, is_verifier_of


def has_parameter(name: str) -> Callable[[OAuthRequest], bool]:
    """Return a check that a parameter is present."""

    def is_present(request: OAuthRequest) -> bool:
        request.error_args = name
        return bool(request.parameter(name))

    return is_present


def has_nonblank_parameter(name: str) -> Callable[[OAuthRequest], bool]:
    """Return a check that a parameter has more than blanks."""

    def is_not_blank(request: OAuthRequest) -> bool:
        request.error_args = name
        return bool(request.parameter(name).strip())

    return is_not_blank


def has_no_parameter(name: str) -> Callable[[OAuthRequest], bool]:
    """Return a check that a parameter is absent."""
    return lambda request: not request.parameter(name)


def no_prompt(value: str) -> Callable[[AuthorizationRequest], bool]:
    """Return a check that `prompt` does not have a value."""
    return lambda request: value not in request.prompts


def has_client_id(request: OAuthRequest) -> bool:
    """Require a client id."""
    request.error_args = "client_id"
    return bool(request.client_id)


def has_client_secret(request: TokenRequest) -> bool:
    """Require a client secret."""
    return bool(request.sent.client_secret)


def has_secret_or_verifier(request: TokenRequest) -> bool:
    """Require a client secret or a PKCE verifier."""
    return bool(request.sent.client_secret or request.parameter("code_verifier"))


def single_auth_method(request: TokenRequest) -> bool:
    """Require that HTTP Basic and the body do not both hold a secret (RFC 6749 section 2.3)."""
    return not request.sent.duplicate_credentials


def resource_known(request: TokenRequest) -> bool:
    """Require no `resource`, or one of this server's (RFC 8707 section 2.2)."""
    base = f"{request.policy.issuer}/api/auth"
    resources = (base, f"{base}/oauth2/userinfo") if "openid" in request.scope.split() else (base,)
    return request.parameters.get("resource", base) in resources


def load_scope_or_default(request: TokenRequest) -> bool:
    """Take the requested scope, or the default; require that this server has it."""
    requested = request.parameter("scope").strip() or request.policy.default_scope
    request.scope = " ".join(dict.fromkeys(requested.split()))
    return all(word in request.policy.scopes for word in requested.split())


def never(_request: OAuthRequest) -> bool:
    """Fail."""
    return False


def load_client(request: OAuthRequest) -> bool:
    """Load the client that the request names."""
    client = request.db.clients.by_client_id(request.client_id)
    if client is None:
        return False
    request.client = client
    return True


def load_authenticated_client(request: TokenRequest) -> bool:
    """Load the client that the request names; require that it is enabled and sent its secret, if it has one to keep.

    Doorkeeper's `by_uid_and_secret`: a public client may leave its secret out, but must not send a wrong one.
    """
    if not load_client(request) or request.client.disabled:
        return False
    secret = request.sent.client_secret.strip()
    return is_secret_of(request.client, secret) if secret else not request.client.confidential


def names_client(request: OAuthRequest) -> bool:
    """Require that the request names a client; blanks name none."""
    return bool(request.client_id.strip())


def client_enabled(request: OAuthRequest) -> bool:
    """Require that the client has not been disabled."""
    return not request.client.disabled


def secret_if_confidential(request: TokenRequest) -> bool:
    """Require a secret of a confidential client."""
    return bool(request.sent.client_secret) or not request.client.confidential


def no_secret_if_public(request: TokenRequest) -> bool:
    """Require no secret of a client that has none."""
    return not request.sent.client_secret or request.client.secret is not None


def secret_correct(request: TokenRequest) -> bool:
    """Require no secret, or the right one."""
    secret = request.sent.client_secret
    return not secret or is_secret_of(request.client, secret)


def is_secret_of(client: Client, secret: str) -> bool:
    """Return whether this is a client's secret, compared in constant time."""
    stored = client.secret
    return stored is not None and hmac.compare_digest(stored.encode(), secret.encode("utf-8", "surrogatepass"))


def load_code(request: TokenRequest) -> bool:
    """Load the code, spent, expired or not, and inherit its scope."""
    code = request.db.codes.by_token(request.parameter("code"))
    if code is None:
        return False
    request.code, request.scope = code, code.scope
    return True


def code_usable(request: TokenRequest) -> bool:
    """Require that the code is not spent and has not expired."""
    return not request.code.spent and request.code.expires > request.now


def spend_code(request: TokenRequest) -> bool:
    """Spend the code; fail if another request has. A check that fails after this one burns the code."""
    return request.db.codes.spend(request.code.id)


def code_of_client(request: TokenRequest) -> bool:
    """Require that the code was issued to the client."""
    return request.code.client == request.client.id


def redirect_uri_exact(request: TokenRequest) -> bool:
    """Require the redirect URI that the code was sent to."""
    return request.code.redirect_uri == request.parameter("redirect_uri")


def redirect_uri_ignoring_loopback_port(request: TokenRequest) -> bool:
    """Require the redirect URI that the code was sent to, with any port if it is a loopback address."""
    return same_but_for_loopback_port(request.parameter("redirect_uri"), request.code.redirect_uri)


def verifier_if_required(request: TokenRequest) -> bool:
    """Require a verifier of public clients, for `offline_access`, and of clients registered with PKCE."""
    client = request.client
    is_required = not client.confidential or client.require_pkce or "offline_access" in request.scope.split()
    return not is_required or bool(request.parameter("code_verifier"))


def verifier_if_challenged(request: TokenRequest) -> bool:
    """Require a verifier if the code has a challenge."""
    return not request.code.challenge or bool(request.parameter("code_verifier"))


def verifier_if_found_and_challenged(request: TokenRequest) -> bool:
    """Require a verifier if the code exists and has a challenge; Doorkeeper asks that before the client is known."""
    return not load_code(request) or verifier_if_challenged(request)


def challenge_if_verifier(request: TokenRequest) -> bool:
    """Require that a code for which a verifier is sent has a challenge (RFC 9700 section 2.1.1: a downgrade)."""
    return bool(request.code.challenge) or not request.parameter("code_verifier")


def verifier_matches(request: TokenRequest) -> bool:
    """Require the challenge's verifier, or none without a challenge."""
    code, verifier = request.code, request.parameter("code_verifier")
    return is_verifier_of(verifier, code.challenge, code.method) if code.challenge else not verifier


def scopes_allowed(request: TokenRequest) -> bool:
    """Require that this server has every scope of the code."""
    for word in request.scope.split(" "):
        request.error_args = word
        if word not in request.policy.scopes:
            return False
    return True


def session_exists(request: TokenRequest) -> bool:
    """Require that the login that the code came from has not ended."""
    session = request.db.sessions.get(request.code.session)
    return session is not None and session.expires > request.now


def load_refresh_token(request: TokenRequest) -> bool:
    """Load the token's pair, used, expired or not, and inherit its scope."""
    pair = request.db.tokens.by_refresh_token(request.parameter("refresh_token"))
    if pair is None:
        return False
    request.token_pair, request.scope = pair, pair.scope
    return True


def refresh_token_of_client(request: TokenRequest) -> bool:
    """Require that the token was issued to the client."""
    return request.token_pair.client == request.client.id


def refresh_token_not_expired(request: TokenRequest) -> bool:
    """Require that the token has not expired."""
    expires = request.token_pair.refresh_expires
    return expires is None or expires > request.now


def rotation_accepts(request: TokenRequest) -> bool:
    """Require a token that is unused, or that the server's rotation accepts again; a replay may revoke tokens."""
    return request.policy.rotation.accepts(request.db, request.token_pair, now=request.now)


def load_narrowed_scope(request: TokenRequest) -> bool:
    """Take the requested scope; require that the token has it (RFC 6749 section 6)."""
    requested = request.parameters.get("scope")
    if requested is None:
        return True
    granted = request.scope.split()
    for word in requested.split(" "):
        request.error_args = word
        if word not in granted:
            return False
    request.scope = requested
    return True


def load_narrowed_scope_unless_blank(request: TokenRequest) -> bool:
    """Take the requested scope unless it is blank; require that the token has it."""
    return not request.parameter("scope").strip() or load_narrowed_scope(request)


def user_exists(request: TokenRequest) -> bool:
    """Require that the token's user has not been deleted."""
    return request.token_pair.existing_user is not None


def redirect_uri_registered(request: AuthorizationRequest) -> bool:
    """Require a redirect URI of the client's, with any port if it is a loopback address."""
    redirect_uri = request.parameter("redirect_uri")
    return bool(redirect_uri) and is_registered(redirect_uri, request.client.redirects)


def response_type_code(request: AuthorizationRequest) -> bool:
    """Require the response type `code`."""
    return request.parameter("response_type") == "code"


def response_mode_known(request: AuthorizationRequest) -> bool:
    """Require a response in the query, the fragment or a form, if a mode is named."""
    return request.parameter("response_mode").strip() in ("", "query", "fragment", "form_post")


def load_authorization_scope_or_all(request: AuthorizationRequest) -> bool:
    """Take the requested scope, or all if the parameter is absent; require that this server has it."""
    if "scope" not in request.parameters:
        request.scope = " ".join(request.policy.scopes)
        return True
    request.scope = request.parameter("scope")
    request.error_args = ", ".join(word for word in request.scope.split() if word not in request.policy.scopes)
    return not request.error_args


def load_authorization_scope_or_default(request: AuthorizationRequest) -> bool:
    """Take the requested scope, or the default; require that this server has it."""
    request.scope = request.parameter("scope").strip() or request.policy.default_scope
    return all(word in request.policy.scopes for word in request.scope.split())


def challenge_if_public(request: AuthorizationRequest) -> bool:
    """Require a challenge of a public client."""
    return challenge_present(request) or request.client.confidential


def challenge_if_offline(request: AuthorizationRequest) -> bool:
    """Require a challenge if a refresh token is requested."""
    return challenge_present(request) or "offline_access" not in request.scope.split()


def challenge_if_required(request: AuthorizationRequest) -> bool:
    """Require a challenge of the client's own, if it is registered with PKCE."""
    return own_challenge(request) or not request.client.require_pkce


def own_challenge(request: AuthorizationRequest) -> bool:
    """Require challenge and method, and not those that Trakt's page adds, whose verifier is public."""
    return challenge_present(request) and request.parameter("code_challenge") != TRAKT_CHALLENGE


def challenge_present(request: AuthorizationRequest) -> bool:
    """Require challenge and method."""
    return bool(request.parameter("code_challenge") and request.parameter("code_challenge_method"))


def challenge_complete_or_absent(request: AuthorizationRequest) -> bool:
    """Require challenge and method, or neither."""
    return bool(request.parameter("code_challenge")) == bool(request.parameter("code_challenge_method"))


def challenge_method_known(request: AuthorizationRequest) -> bool:
    """Require a method that Doorkeeper knows of a challenge."""
    return not request.parameter("code_challenge").strip() or request.parameter("code_challenge_method") in (
        "plain",
        "S256",
    )
