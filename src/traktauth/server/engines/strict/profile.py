"""A profile under `--strict`: what the RFCs demand beyond Trakt, in place of what its engine does.

The token requests get the checks below, at each of the profile's paths; authorization requests keep the profile's rules
but send every error to the client that may be sent to it, and require S256; the profile's numbers change at the end.
Device codes stay at Trakt's paths, with the responses of RFC 8628.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from traktauth.protocol import AUTHORIZATION_CODE, REFRESH_TOKEN
from traktauth.server.engines.base import JSON_OR_FORM, EndpointKind
from traktauth.server.engines.doorkeeper import revocation
from traktauth.server.engines.doorkeeper.wire import read_token
from traktauth.server.engines.strict import wire
from traktauth.server.engines.strict.authorization import strict_rules
from traktauth.server.errors import OAuthError
from traktauth.server.oauth import checks
from traktauth.server.oauth.device import poll as device_poll
from traktauth.server.oauth.request import Procedure, consume, load, require

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.engines.base import Endpoint, Profile
    from traktauth.server.oauth.policy import TokenPolicy
    from traktauth.server.oauth.request import Check, TokenRequest

MONTH = 2_592_000
MISSING = (400, "invalid_request", "The parameter {} is missing.")
BAD_GRANT = (400, "invalid_grant", "The code or token is unknown, expired, used, or another client's.")
SINGLE_CLIENT = require(
    checks.single_client, 400, "invalid_request", "The client names or authenticates itself in two ways."
)
AUTHENTICATED = load(
    checks.load_authenticated_client, 401, "invalid_client", "The client is unknown, or could not be authenticated."
)
CONFIDENTIAL = require(
    checks.client_confidential, 401, "invalid_client", "A client without a secret may not introspect tokens."
)
"""RFC 7662 section 2.1: introspection takes authorization, which a client id is not."""
EXCHANGE = (
    SINGLE_CLIENT,
    AUTHENTICATED,  # first: a client that is not authenticated spends nothing, and revokes nothing
    require(checks.has_parameter("code"), *MISSING),
    require(checks.has_parameter("redirect_uri"), *MISSING),
    load(checks.load_code, *BAD_GRANT),
    require(checks.code_of_client, *BAD_GRANT),
    consume(checks.revoke_tokens_if_spent, *BAD_GRANT),
    require(checks.code_usable, *BAD_GRANT),
    require(
        checks.redirect_uri_exact,
        400,
        "invalid_grant",
        "The redirect address is not the one that the code was sent to.",
    ),
    require(
        checks.own_challenge_if_required,
        400,
        "invalid_grant",
        "The code was asked for without the client's own challenge.",
    ),
    require(checks.verifier_if_challenged, 400, "invalid_grant", "The code was asked for with a challenge."),
    require(
        checks.verifier_well_formed, 400, "invalid_request", "A code_verifier has 43 to 128 unreserved characters."
    ),
    require(checks.verifier_matches, 400, "invalid_grant", "The code_verifier is not the challenge's."),
    consume(checks.spend_code, *BAD_GRANT),
)
REFRESH = (
    SINGLE_CLIENT,
    AUTHENTICATED,
    require(checks.has_parameter("refresh_token"), *MISSING),
    load(checks.load_refresh_token, *BAD_GRANT),
    require(checks.refresh_token_of_client, *BAD_GRANT),
    require(checks.refresh_token_not_expired, *BAD_GRANT),
    consume(checks.rotation_accepts, *BAD_GRANT),
    load(checks.load_narrowed_scope, 400, "invalid_scope", "More scopes are asked for than were granted."),
)
CLIENT_CREDENTIALS = (
    SINGLE_CLIENT,
    AUTHENTICATED,
    require(checks.client_confidential, 400, "unauthorized_client", "A public client gets no token for itself."),
    load(checks.load_scope_or_default, 400, "invalid_scope", "A scope is unknown."),
)
GRANTS = {AUTHORIZATION_CODE: EXCHANGE, REFRESH_TOKEN: REFRESH, "client_credentials": CLIENT_CREDENTIALS}
HAS_TOKEN = require(checks.has_parameter("token"), *MISSING)
REVOKE = Procedure((SINGLE_CLIENT, AUTHENTICATED, HAS_TOKEN), revocation.revoke)
VERIFIER = require(device_poll.verifier_correct, 400, "invalid_grant", "The code_verifier is not the challenge's.")


def strict(profile: Profile) -> Profile:
    """Return a profile that does what the RFCs demand."""
    return replace(
        profile,
        lifetimes=profile.lifetimes._replace(refresh=profile.lifetimes.refresh or MONTH),
        rotation="family",  # RFC 9700 section 4.14.2
        access_outlives=False,  # so that a revoked refresh token leaves no older access token valid
        endpoints=tuple(_endpoint(endpoint, profile) for endpoint in profile.endpoints),
        authorize=strict_rules(profile.authorize),
        metadata=_metadata(profile.metadata),
    )


def _endpoint(endpoint: Endpoint, profile: Profile) -> Endpoint:
    statuses = (401,)  # for a client that is unknown, whatever its engine's checks say
    if endpoint.kind in (EndpointKind.USER_INFO, EndpointKind.TOKEN_INFO):
        return replace(endpoint, write_error=wire.write_bearer_error)
    if endpoint.kind is EndpointKind.DEVICE_AUTHORIZATION:
        write = wire.write_device_authorization
        return replace(endpoint, write=write, write_error=wire.write_error, statuses=statuses)
    if endpoint.kind is EndpointKind.NATIVE_DEVICE_AUTHORIZATION:
        return replace(endpoint, write=wire.write_device_authorization, write_error=wire.write_error, statuses=statuses)
    if endpoint.kind is EndpointKind.NATIVE_DEVICE_TOKEN:
        return replace(endpoint, write_error=wire.write_error, statuses=statuses)
    if endpoint.kind is EndpointKind.DEVICE_TOKEN:
        checks = endpoint.procedure.checks if endpoint.procedure else ()
        polled = Procedure((SINGLE_CLIENT, *checks, VERIFIER), device_poll.poll_rfc8628)
        return replace(endpoint, write_error=wire.write_error, procedure=polled, is_guarded=True, statuses=statuses)
    both = replace(
        endpoint,
        write_error=wire.write_error,
        media=JSON_OR_FORM,
        rejects_media=False,
        is_guarded=True,
        statuses=statuses,
    )
    if endpoint.kind is EndpointKind.TOKEN:
        adds_verifier = profile.native_authorize is not None and not endpoint.path.startswith("/api/")
        read = wire.read_token_with_trakt_verifier if adds_verifier else read_token
        grants = {name: Procedure(_checks(name, given), given.handler) for name, given in endpoint.grants.items()}
        return replace(both, read=read, grants=grants)
    if endpoint.kind is EndpointKind.REVOCATION:
        return replace(both, read=wire.read_about_token, write=wire.write_revoked, procedure=REVOKE)
    handler = endpoint.procedure.handler if endpoint.procedure else _inactive
    introspect = Procedure((SINGLE_CLIENT, AUTHENTICATED, CONFIDENTIAL, HAS_TOKEN), _inactive_if_unknown(handler))
    return replace(both, read=wire.read_about_token, procedure=introspect)


def _checks(grant: str, procedure: Procedure) -> tuple[Check[TokenRequest], ...]:
    """Return a grant's checks; a grant that the profile allows no client stays so."""
    never = tuple(check for check in procedure.checks if check.run is checks.never)
    return (*GRANTS[grant], *never)


def _inactive(request: TokenRequest) -> dict[str, Any]:  # noqa: ARG001 - a handler
    return {"active": False}


def _inactive_if_unknown(handler: Callable[[TokenRequest], Any]) -> Callable[[TokenRequest], Any]:
    """Let introspection return `inactive` for an unknown token (RFC 7662 section 2.2)."""

    def introspect(request: TokenRequest) -> Any:  # noqa: ANN401 - the handler's result
        try:
            return handler(request)
        except OAuthError:
            return _inactive(request)

    return introspect


def _metadata(metadata: Callable[[TokenPolicy], dict[str, Any]]) -> Callable[[TokenPolicy], dict[str, Any]]:
    def strict_metadata(policy: TokenPolicy) -> dict[str, Any]:
        members = metadata(policy)
        methods: list[str] = members["token_endpoint_auth_methods_supported"]
        return members | {
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "token_endpoint_auth_methods_supported": list(dict.fromkeys([*methods, "none"])),
            "revocation_endpoint_auth_methods_supported": list(dict.fromkeys([*methods, "none"])),
        }

    return strict_metadata
