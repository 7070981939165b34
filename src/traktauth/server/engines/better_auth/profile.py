"""Profile `current`: better-auth's oauth-provider behind Trakt's paths, and at its own paths under /api/auth.

Each list holds the checks of one request in order, each with the status, error and description of its failure.
"""

from __future__ import annotations

from functools import partial

from traktauth.protocol import AUTHORIZATION_CODE, REFRESH_TOKEN
from traktauth.server.engines import trakt_wire
from traktauth.server.engines.base import Endpoint, Profile
from traktauth.server.engines.base import EndpointKind as Kind
from traktauth.server.engines.better_auth import handlers, wire
from traktauth.server.messages import FORM, JSON
from traktauth.server.oauth import checks
from traktauth.server.oauth import device as device_poll
from traktauth.server.oauth.authorization import AuthorizationRules
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
_endpoint = partial(Endpoint, write_error=wire.write_error)
_json_endpoint = partial(_endpoint, media=(JSON,))
_strict_json_endpoint = partial(_json_endpoint, rejects_media=True)
_form_endpoint = partial(_endpoint, media=(FORM,), rejects_media=True)


def _about_token(base: str) -> tuple[Endpoint, Endpoint]:
    read, write, both = wire.read_native_about_token, wire.write_members, ("GET", "POST")
    return (
        _form_endpoint(Kind.INTROSPECTION, f"{base}/introspect", read, write, procedure=INTROSPECT, changes=False),
        _endpoint(
            Kind.USER_INFO, f"{base}/userinfo", wire.read_bearer, write,
            procedure=USER_INFO, methods=both, media=(), changes=False,
        ),
    )  # fmt: skip


ENDPOINTS = (
    _endpoint(Kind.TOKEN, "/oauth/token", wire.read_token, wire.write_tokens, grants=GRANTS),
    _endpoint(Kind.REVOCATION, "/oauth/revoke", wire.read_about_token, wire.write_revoked, procedure=REVOKE),
    *_about_token("/oauth"),
    _json_endpoint(
        Kind.DEVICE_AUTHORIZATION, "/oauth/device/code", wire.read_device, trakt_wire.write_device_authorization,
        procedure=TRAKT_DEVICE_CODE,
    ),
    _json_endpoint(
        Kind.DEVICE_TOKEN, "/oauth/device/token", wire.read_device, wire.write_tokens, procedure=TRAKT_DEVICE_TOKEN
    ),
    _form_endpoint(Kind.TOKEN, f"{NATIVE}/token", wire.read_native_token, wire.write_native_tokens, grants=GRANTS),
    _form_endpoint(
        Kind.REVOCATION, f"{NATIVE}/revoke", wire.read_native_about_token, wire.write_native_revoked, procedure=REVOKE
    ),
    *_about_token(NATIVE),
    _strict_json_endpoint(
        Kind.NATIVE_DEVICE_AUTHORIZATION, "/api/auth/device/code", wire.read_native_device_code,
        wire.write_device_authorization, procedure=NATIVE_DEVICE_CODE,
    ),
    _strict_json_endpoint(
        Kind.NATIVE_DEVICE_TOKEN, "/api/auth/device/token", wire.read_native_device_token, wire.write_session_token,
        procedure=NATIVE_DEVICE_TOKEN,
    ),
)  # fmt: skip
RULES = AuthorizationRules(
    prepare=wire.add_as_trakts_page,
    read=wire.read_query,
    checks=(
        require(checks.has_no_parameter("request_uri"), 400, "invalid_request_uri", "request_uri not supported"),
        require(checks.names_client, 400, "invalid_client", "client_id is required"),
        require(checks.has_nonblank_parameter("response_type"), 400, "invalid_request", "response_type is required"),
        require(
            checks.no_prompt("select_account"), 400, "unsupported_prompt_select_account", "unsupported prompt type"
        ),
        require(checks.response_type_code, 400, "unsupported_response_type", "unsupported response type"),
        load(checks.load_client, 400, "invalid_client", "client_id is required"),
        require(checks.client_enabled, 400, "client_disabled", "client is disabled"),
        require(checks.redirect_uri_registered, 400, "invalid_redirect", "invalid redirect uri"),
        # The redirect URI is known to be the client's: from here on errors are sent to it.
        load(checks.load_authorization_scope_or_all, 302, "invalid_scope", "The following scopes are invalid: {}"),
        require(checks.challenge_if_public, 302, "invalid_request", "pkce is required for public clients"),
        require(
            checks.challenge_if_offline,
            302,
            "invalid_request",
            "pkce is required when requesting offline_access scope",
        ),
        require(checks.challenge_if_required, 302, "invalid_request", "pkce is required for this client"),
        require(
            checks.challenge_complete_or_absent,
            302,
            "invalid_request",
            "code_challenge and code_challenge_method must both be provided",
        ),
    ),
    denied=("access_denied", "User denied access"),
    names_issuer=True,
    supports_response_mode=False,
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
