"""Profile `current`: better-auth's oauth-provider behind Trakt's paths, and at its own paths under /api/auth.

Each list holds the checks of one request in order, each with the status, error and description of its failure.
"""

from __future__ import annotations

from traktauth.protocol import AUTHORIZATION_CODE, REFRESH_TOKEN
from traktauth.server.engines import trakt_wire
from traktauth.server.engines.base import Endpoint, EndpointKind, Profile
from traktauth.server.engines.better_auth import handlers, wire
from traktauth.server.engines.better_auth.authorization import RULES
from traktauth.server.messages import FORM, JSON
from traktauth.server.oauth import checks
from traktauth.server.oauth import device as device_poll
from traktauth.server.oauth.device import authorize_device, authorize_device_by_scope
from traktauth.server.oauth.grants import exchange_by_scope, rotate_by_scope
from traktauth.server.oauth.request import Procedure, consume, load, require
from traktauth.server.tokens import Lifetimes

# Seconds, unless the settings override them.
LIFETIMES = Lifetimes(access=604_800, refresh=2_592_000, code=600, device=600, session=5_184_000)
LOAD_CLIENT = load(checks.load_client, 400, "invalid_client", "missing client")
AUTHENTICATE_CLIENT = (
    require(checks.client_enabled, 400, "invalid_client", "client is disabled"),
    require(checks.secret_if_confidential, 400, "invalid_client", "client secret must be provided"),
    require(checks.no_secret_if_public, 400, "invalid_client", "public client, client secret should not be received"),
    require(checks.secret_correct, 401, "invalid_client", "invalid client_secret"),
)
SINGLE_AUTH_METHOD = require(checks.single_auth_method, 400, "invalid_request", "client_secret is given twice")
RESOURCE = require(checks.resource_known, 400, "invalid_request", "requested resource invalid")

BAD_CODE = (401, "invalid_grant", "invalid code")
FOREIGN_CODE = (401, "invalid_client", "invalid client_id")
EXCHANGE = (
    SINGLE_AUTH_METHOD,
    require(checks.has_client_id, 400, "invalid_request", "client_id is required"),
    require(checks.has_parameter("code"), 400, "invalid_request", "code is required"),
    require(checks.has_parameter("redirect_uri"), 400, "invalid_request", "redirect_uri is required"),
    require(checks.has_secret_or_verifier, 400, "invalid_request", "Either code_verifier or client_secret is required"),
    load(checks.load_code, *BAD_CODE),
    require(checks.code_usable, *BAD_CODE),
    consume(checks.spend_code, *BAD_CODE),  # a request that fails from here on burns the code
    load(checks.load_client, *FOREIGN_CODE),
    require(checks.code_of_client, *FOREIGN_CODE),
    require(checks.redirect_uri_exact, 400, "invalid_request", "redirect_uri mismatch"),
    *AUTHENTICATE_CLIENT,
    require(checks.scopes_allowed, 400, "invalid_scope", "client does not allow scope {}"),
    require(checks.verifier_if_required, 400, "invalid_request", "PKCE is required for this client"),
    require(
        checks.verifier_if_challenged,
        401,
        "invalid_request",
        "code_verifier required because PKCE was used in authorization",
    ),
    require(
        checks.challenge_if_verifier,
        401,
        "invalid_request",
        "code_verifier provided but PKCE was not used in authorization",
    ),
    require(checks.verifier_matches, 401, "invalid_request", "code verification failed"),
    require(checks.session_exists, 400, "invalid_request", "session no longer exists"),
    RESOURCE,
)
USED = (400, "invalid_grant", "invalid refresh token")
FOREIGN_TOKEN = (400, "invalid_client", "invalid client_id")
REFRESH = (
    SINGLE_AUTH_METHOD,
    require(checks.has_client_id, 400, "invalid_grant", "Missing required client_id"),
    require(
        checks.has_parameter("refresh_token"),
        400,
        "invalid_grant",
        "Missing a required refresh_token for refresh_token grant",
    ),
    load(checks.load_refresh_token, 400, "invalid_grant", "session not found"),
    load(checks.load_client, *FOREIGN_TOKEN),
    require(checks.refresh_token_of_client, *FOREIGN_TOKEN),
    require(checks.refresh_token_not_expired, *USED),
    consume(checks.rotation_accepts, *USED),  # before the client is authenticated
    load(checks.load_narrowed_scope, 400, "invalid_scope", "unable to issue scope {}"),
    *AUTHENTICATE_CLIENT,
    require(checks.user_exists, 400, "invalid_request", "user not found"),
    RESOURCE,
)
CLIENT_CREDENTIALS = (
    SINGLE_AUTH_METHOD,
    require(checks.has_client_id, 400, "invalid_grant", "Missing required client_id"),
    require(checks.has_client_secret, 400, "invalid_grant", "Missing a required client_secret"),
    LOAD_CLIENT,
    *AUTHENTICATE_CLIENT,
    require(checks.never, 400, "unauthorized_client", "client is not authorized to use grant type client_credentials"),
)
GRANTS = {
    AUTHORIZATION_CODE: Procedure(EXCHANGE, exchange_by_scope),
    REFRESH_TOKEN: Procedure(REFRESH, rotate_by_scope),
    "client_credentials": Procedure(CLIENT_CREDENTIALS, bool),
}
NO_CREDENTIALS = (401, "invalid_client", "missing required credentials")
HAS_TOKEN = require(checks.has_parameter("token"), 400, "invalid_request", "missing a required token for introspection")
REVOKE = Procedure(
    (require(checks.has_client_id, *NO_CREDENTIALS), HAS_TOKEN, LOAD_CLIENT, *AUTHENTICATE_CLIENT), handlers.revoke
)
INTROSPECT = Procedure(
    (
        require(checks.has_client_id, *NO_CREDENTIALS),
        require(checks.has_client_secret, *NO_CREDENTIALS),
        HAS_TOKEN,
        LOAD_CLIENT,
        *AUTHENTICATE_CLIENT,
    ),
    handlers.introspect,
)
USER_INFO = Procedure((), handlers.user_info)

HAS_CLIENT_ID = require(checks.has_client_id, 400, "invalid_request", "client_id is required")
TRAKT_DEVICE_CODE = Procedure(
    (HAS_CLIENT_ID, load(checks.load_client, 400, "invalid_client", "client_id is required")), authorize_device
)
TRAKT_DEVICE_TOKEN = Procedure(
    (
        HAS_CLIENT_ID,
        load(checks.load_client, 401, "invalid_client", "missing client"),
        require(checks.has_parameter("code"), 400, "invalid_request", "code is required"),
        require(device_poll.secret_or_verifier_correct, 401, "invalid_client", "invalid client_secret"),
        require(checks.client_enabled, 400, "invalid_client", "client is disabled"),
    ),
    device_poll.poll,
    statuses=tuple(device_poll.STATUSES.values()),
)
NATIVE_DEVICE_CODE = Procedure(
    (load(checks.load_client, 400, "invalid_client", "Invalid client ID"),), authorize_device_by_scope
)
NATIVE_DEVICE_TOKEN = Procedure(
    (load(checks.load_client, 400, "invalid_grant", "Invalid client ID"),), handlers.poll_session
)

NATIVE = "/api/auth/oauth2"
FORMS, OBJECTS = (FORM,), (JSON,)


def _about_token(base: str) -> tuple[Endpoint, Endpoint]:
    return (
        Endpoint(
            EndpointKind.INTROSPECTION,
            f"{base}/introspect",
            wire.read_native_about_token,
            wire.write_members,
            wire.write_error,
            INTROSPECT,
            media=FORMS,
            rejects_media=True,
            changes=False,
        ),
        Endpoint(
            EndpointKind.USER_INFO,
            f"{base}/userinfo",
            wire.read_bearer,
            wire.write_members,
            wire.write_error,
            USER_INFO,
            methods=("GET", "POST"),
            media=(),
            changes=False,
        ),
    )


ENDPOINTS = (
    Endpoint(EndpointKind.TOKEN, "/oauth/token", wire.read_token, wire.write_tokens, wire.write_error, grants=GRANTS),
    Endpoint(
        EndpointKind.REVOCATION, "/oauth/revoke", wire.read_about_token, wire.write_revoked, wire.write_error, REVOKE
    ),
    *_about_token("/oauth"),
    Endpoint(
        EndpointKind.DEVICE_AUTHORIZATION,
        "/oauth/device/code",
        wire.read_device,
        trakt_wire.write_device_authorization,
        wire.write_error,
        TRAKT_DEVICE_CODE,
        media=OBJECTS,
    ),
    Endpoint(
        EndpointKind.DEVICE_TOKEN,
        "/oauth/device/token",
        wire.read_device,
        wire.write_tokens,
        wire.write_error,
        TRAKT_DEVICE_TOKEN,
        media=OBJECTS,
    ),
    Endpoint(
        EndpointKind.TOKEN,
        f"{NATIVE}/token",
        wire.read_native_token,
        wire.write_native_tokens,
        wire.write_error,
        grants=GRANTS,
        media=FORMS,
        rejects_media=True,
    ),
    Endpoint(
        EndpointKind.REVOCATION,
        f"{NATIVE}/revoke",
        wire.read_native_about_token,
        wire.write_native_revoked,
        wire.write_error,
        REVOKE,
        media=FORMS,
        rejects_media=True,
    ),
    *_about_token(NATIVE),
    Endpoint(
        EndpointKind.NATIVE_DEVICE_AUTHORIZATION,
        "/api/auth/device/code",
        wire.read_native_device_code,
        wire.write_device_authorization,
        wire.write_error,
        NATIVE_DEVICE_CODE,
        media=OBJECTS,
        rejects_media=True,
    ),
    Endpoint(
        EndpointKind.NATIVE_DEVICE_TOKEN,
        "/api/auth/device/token",
        wire.read_native_device_token,
        wire.write_session_token,
        wire.write_error,
        NATIVE_DEVICE_TOKEN,
        media=OBJECTS,
        rejects_media=True,
    ),
)
CURRENT = Profile(
    name="current",
    measured_on="better-auth 1.6.33, oauth-provider 1.6.33",
    lifetimes=LIFETIMES,
    scopes=("public", "openid", "profile", "email", "offline_access"),
    default_scope="public offline_access",
    rotation="family",
    access_outlives=True,
    interval=5,
    endpoints=ENDPOINTS,
    authorize=RULES,
    native_authorize=f"{NATIVE}/authorize",
    metadata=handlers.metadata,
)
