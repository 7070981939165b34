"""Profile `classic`: Ruby on Rails with Doorkeeper, as Trakt ran until July 2026.

Each list holds the checks of one request in order, each with the status, error and description of its failure. Device
codes are Trakt's own addition and follow its documentation.
"""

from __future__ import annotations

from functools import partial

from traktauth.protocol import AUTHORIZATION_CODE, REFRESH_TOKEN
from traktauth.server.engines import trakt_wire
from traktauth.server.engines.base import Endpoint, Profile
from traktauth.server.engines.base import EndpointKind as Kind
from traktauth.server.engines.doorkeeper import handlers, wire
from traktauth.server.engines.doorkeeper.wire import (
    BAD_CLIENT,
    BAD_GRANT,
    BAD_SCOPE,
    MISSING,
    NO_CLIENT,
    NOT_AUTHORIZED,
)
from traktauth.server.oauth import checks
from traktauth.server.oauth import device as device_poll
from traktauth.server.oauth.authorization import AuthorizationRules
from traktauth.server.oauth.device import authorize_device
from traktauth.server.oauth.grants import exchange, issue_to_client, rotate
from traktauth.server.oauth.request import Procedure, consume, load, require
from traktauth.server.tokens import Lifetimes

# Seconds, unless the settings override them.
LIFETIMES = Lifetimes(access=86_400, refresh=None, code=600, device=600, session=5_184_000)
SINGLE_AUTH_METHOD = require(
    checks.single_auth_method, 400, "invalid_request", "The parameter client_secret is given twice."
)
EXCHANGE = (
    SINGLE_AUTH_METHOD,
    require(checks.has_parameter("code"), *MISSING, echo_state=True),
    require(
        checks.verifier_if_found_and_challenged, 400, "invalid_request", "Missing required parameter: code_verifier."
    ),
    require(checks.has_parameter("redirect_uri"), *MISSING),
    load(checks.load_authenticated_client, *BAD_CLIENT),
    load(checks.load_code, *BAD_GRANT),
    require(checks.code_usable, *BAD_GRANT),
    require(checks.code_of_client, *BAD_GRANT),
    require(checks.redirect_uri_ignoring_loopback_port, *BAD_GRANT),
    require(checks.verifier_matches, *BAD_GRANT),
    consume(checks.spend_code, *BAD_GRANT),  # a request that failed before this has left the code valid
)
REFRESH = (
    SINGLE_AUTH_METHOD,
    require(checks.has_parameter("refresh_token"), *MISSING),
    load(checks.load_refresh_token, *BAD_GRANT),
    require(checks.refresh_token_not_expired, *BAD_GRANT),
    consume(checks.rotation_accepts, *BAD_GRANT),
    require(checks.names_client, *BAD_GRANT),
    load(checks.load_authenticated_client, *BAD_CLIENT),
    require(checks.refresh_token_of_client, *BAD_GRANT),
    load(checks.load_narrowed_scope_unless_blank, *BAD_SCOPE),
)
GRANTS = {
    AUTHORIZATION_CODE: Procedure(EXCHANGE, exchange),
    REFRESH_TOKEN: Procedure(REFRESH, rotate),
    "client_credentials": Procedure(
        (
            SINGLE_AUTH_METHOD,
            load(checks.load_authenticated_client, *BAD_CLIENT),
            load(checks.load_scope_or_default, *BAD_SCOPE),
        ),
        issue_to_client,
    ),
}
REVOKE = Procedure((load(checks.load_authenticated_client, *NOT_AUTHORIZED),), handlers.revoke)
DEVICE_CODE = Procedure(
    (require(checks.has_client_id, *MISSING), load(checks.load_client, *BAD_CLIENT)), authorize_device
)
DEVICE_TOKEN = Procedure(
    (
        require(checks.has_parameter("code"), *MISSING),
        load(checks.load_client, *BAD_CLIENT),
        require(checks.client_enabled, *BAD_CLIENT),
        require(device_poll.secret_or_verifier_correct, *BAD_CLIENT),
    ),
    device_poll.poll,
    statuses=tuple(device_poll.STATUSES.values()),
)
_endpoint = partial(Endpoint, write_error=wire.write_error)
_member_endpoint = partial(_endpoint, read=wire.read, write=trakt_wire.write_members)
ENDPOINTS = (
    _endpoint(Kind.TOKEN, "/oauth/token", wire.read_token, wire.write_tokens, grants=GRANTS),
    _member_endpoint(
        Kind.REVOCATION, "/oauth/revoke", procedure=REVOKE, write_error=wire.write_error_without_challenge
    ),
    _member_endpoint(Kind.INTROSPECTION, "/oauth/introspect", procedure=Procedure((), handlers.introspect)),
    _member_endpoint(
        Kind.TOKEN_INFO, "/oauth/token/info", procedure=Procedure((), handlers.token_info), methods=("GET",), media=()
    ),
    _endpoint(
        Kind.DEVICE_AUTHORIZATION, "/oauth/device/code", wire.read, trakt_wire.write_device_authorization,
        procedure=DEVICE_CODE,
    ),
    _endpoint(Kind.DEVICE_TOKEN, "/oauth/device/token", wire.read, wire.write_tokens, procedure=DEVICE_TOKEN),
)  # fmt: skip
RULES = AuthorizationRules(
    prepare=trakt_wire.prefer_sign_up,
    read=wire.read_query,
    checks=(
        require(checks.names_client, 400, "invalid_request", "Missing required parameter: client_id."),
        load(checks.load_client, 400, "invalid_client", NO_CLIENT),
        require(checks.client_enabled, 400, "invalid_client", NO_CLIENT),
        require(
            checks.redirect_uri_registered,
            400,
            "invalid_redirect_uri",
            "The requested redirect uri is malformed or doesn't match client redirect URI.",
        ),
        require(
            checks.has_nonblank_parameter("response_type"),
            400,
            "invalid_request",
            "Missing required parameter: response_type.",
        ),
        require(
            checks.response_type_code,
            400,
            "unsupported_response_type",
            "The authorization server does not support this response type.",
        ),
        require(
            checks.response_mode_known,
            400,
            "unsupported_response_mode",
            "The authorization server does not support this response mode.",
        ),
        load(checks.load_authorization_scope_or_default, *BAD_SCOPE),
        require(checks.challenge_if_required, 400, "invalid_request", "Missing required parameter: code_challenge."),
        require(
            checks.challenge_method_known,
            400,
            "invalid_code_challenge_method",
            "The code challenge method must be plain or S256.",
        ),
    ),
    denied=("access_denied", "The resource owner or authorization server denied the request."),
    names_issuer=False,
    supports_response_mode=True,
)
CLASSIC = Profile(
    name="classic",
    measured_on="Doorkeeper 5.6.6 on Rails 7.2.2",
    lifetimes=LIFETIMES,
    scopes=("public",),
    default_scope="public",
    rotation="until-used",
    access_outlives=False,
    interval=5,
    endpoints=ENDPOINTS,
    authorize=RULES,
    native_authorize=None,
    metadata=handlers.metadata,
)
