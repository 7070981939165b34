"""Profile `classic`: Ruby on Rails with Doorkeeper, as Trakt ran until July 2026.

Each list is one request's checks in order, each with the status, error and sentence it answers with. Device codes are
Trakt's own addition and follow its documentation.
"""

from __future__ import annotations

from traktauth.protocol import AUTHORIZATION_CODE, REFRESH_TOKEN
from traktauth.server.attempt import Check, Procedure
from traktauth.server.authorization import steps
from traktauth.server.authorization.ending import Authorize
from traktauth.server.authorization.reading import prefer_sign_up, read_as_rails
from traktauth.server.authorization.wish import Step
from traktauth.server.checks import apps, codes, parameters, refreshes, scopes
from traktauth.server.devices import asking, polling
from traktauth.server.doors import rails
from traktauth.server.doors.base import Endpoint
from traktauth.server.grants.exchange import pair_for_code
from traktauth.server.grants.itself import token_for_app
from traktauth.server.grants.refresh import successor
from traktauth.server.inspection import together as inspection
from traktauth.server.metadata import trakt_metadata
from traktauth.server.profiles.base import Profile
from traktauth.server.revocation import together as revocation
from traktauth.server.terms import Lives

MISSING = (400, "invalid_request", "Missing required parameter: {}.")
BAD_CLIENT = (401, "invalid_client", inspection.NO_CLIENT)
SENTENCE = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client."
)
BAD_GRANT = (400, "invalid_grant", SENTENCE)
BAD_SCOPE = (400, "invalid_scope", "The requested scope is invalid, unknown, or malformed.")
ONE_PROOF = Check(parameters.one_way_of_proof, 400, "invalid_request", "The parameter client_secret is given twice.")

EXCHANGE = (
    ONE_PROOF,
    Check(parameters.given("code"), *MISSING, tells_state=True),
    Check(codes.look_up, *BAD_GRANT),
    Check(codes.verifier_if_challenged, 400, "invalid_request", "Missing required parameter: code_verifier."),
    Check(parameters.given("redirect_uri"), *MISSING),
    Check(apps.proven, *BAD_CLIENT),
    Check(codes.accessible, *BAD_GRANT),
    Check(codes.of_proven_app, *BAD_GRANT),
    Check(codes.like_redirect, *BAD_GRANT),
    Check(codes.verifier_right, *BAD_GRANT),
    Check(codes.spent_at_last, *BAD_GRANT),  # whatever has failed before has left the code alive
)
REFRESH = (
    ONE_PROOF,
    Check(parameters.given("refresh_token"), *MISSING),
    Check(refreshes.found, *BAD_GRANT),
    Check(refreshes.not_expired, *BAD_GRANT),
    Check(refreshes.admitted, *BAD_GRANT),
    Check(apps.proven_or_unnamed, *BAD_CLIENT),
    Check(refreshes.of_proven_app, *BAD_GRANT),
    Check(refreshes.scope_within_unless_blank, *BAD_SCOPE),
)
GRANTS = {
    AUTHORIZATION_CODE: Procedure(EXCHANGE, pair_for_code),
    REFRESH_TOKEN: Procedure(REFRESH, successor(BAD_GRANT)),
    "client_credentials": Procedure(
        (ONE_PROOF, Check(apps.proven, *BAD_CLIENT), Check(scopes.offered, *BAD_SCOPE)), token_for_app
    ),
}
REVOKE = Procedure((Check(apps.proven, *revocation.NOT_YOURS),), revocation.revoke)
DEVICE_CODE = Procedure(
    (Check(parameters.names_app, *MISSING), Check(apps.known, *BAD_CLIENT)), asking.fresh_device_code
)
DEVICE_TOKEN = Procedure(
    (
        Check(parameters.given("code"), *MISSING),
        Check(apps.known, *BAD_CLIENT),
        Check(apps.enabled, *BAD_CLIENT),
        Check(polling.proof_right, *BAD_CLIENT),
    ),
    polling.poll_as_trakt,
)
ENDPOINTS = (
    Endpoint("/oauth/token", rails.read_token, rails.write_tokens, rails.refuse, grants=GRANTS),
    Endpoint("/oauth/revoke", rails.read, rails.write_members, rails.refuse_plainly, REVOKE),
    Endpoint(
        "/oauth/introspect",
        rails.read,
        rails.write_members,
        rails.refuse,
        Procedure((), inspection.introspect),
    ),
    Endpoint(
        "/oauth/token/info",
        rails.read,
        rails.write_members,
        rails.refuse,
        Procedure((), inspection.token_info),
        methods=("GET",),
        media=(),
    ),
    Endpoint("/oauth/device/code", rails.read, asking.write_as_trakt, rails.refuse, DEVICE_CODE),
    Endpoint("/oauth/device/token", rails.read, rails.write_tokens, rails.refuse, DEVICE_TOKEN),
)
AUTHORIZE = Authorize(
    prepare=prefer_sign_up,
    read=read_as_rails,
    steps=(  # Doorkeeper shows every fault of a request on a page, and tells the client of none
        Step(steps.app_named, "invalid_request", "Missing required parameter: client_id."),
        Step(steps.app_known, "invalid_client", inspection.NO_CLIENT),
        Step(steps.app_enabled, "invalid_client", inspection.NO_CLIENT),
        Step(
            steps.redirect_registered,
            "invalid_redirect_uri",
            "The requested redirect uri is malformed or doesn't match client redirect URI.",
        ),
        Step(steps.given("response_type"), "invalid_request", "Missing required parameter: response_type."),
        Step(
            steps.wants_code,
            "unsupported_response_type",
            "The authorization server does not support this response type.",
        ),
        Step(
            steps.mode_known,
            "unsupported_response_mode",
            "The authorization server does not support this response mode.",
        ),
        Step(steps.scopes_offered_or_default, *BAD_SCOPE[1:]),
        Step(steps.method_known, "invalid_code_challenge_method", "The code challenge method must be plain or S256."),
    ),
    denied=("access_denied", "The resource owner or authorization server denied the request."),
    names_issuer=False,
    modes=True,
)
CLASSIC = Profile(
    name="classic",
    measured_on="Doorkeeper 5.6.6 on Rails 7.2.2",
    lives=Lives(access=86_400, refresh=None, code=600, device=600, session=5_184_000),
    scopes=("public",),
    default_scope="public",
    rotation="until-used",
    access_outlives=False,
    interval=5,
    endpoints=ENDPOINTS,
    authorize=AUTHORIZE,
    native_authorize=None,
    metadata=trakt_metadata,
)
