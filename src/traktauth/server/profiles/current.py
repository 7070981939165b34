"""Profile `current`: better-auth's oauth-provider behind Trakt's paths, and at its own paths under /api/auth.

Each list is one request's checks in order, each with the status, error and sentence it answers with.
"""

from __future__ import annotations

from traktauth.protocol import AUTHORIZATION_CODE, REFRESH_TOKEN
from traktauth.server.attempt import Check, Procedure
from traktauth.server.authorization import steps
from traktauth.server.authorization.ending import Authorize
from traktauth.server.authorization.reading import add_as_trakts_page, read_as_native
from traktauth.server.authorization.wish import Step
from traktauth.server.checks import apps, codes, parameters, refreshes
from traktauth.server.devices import asking, polling
from traktauth.server.doors import native, trakt
from traktauth.server.doors.base import Endpoint
from traktauth.server.grants.exchange import pair_for_code_by_scope
from traktauth.server.grants.refresh import successor_by_scope
from traktauth.server.http.answers import JSON
from traktauth.server.http.encodings import FORM
from traktauth.server.inspection import separately as inspection
from traktauth.server.metadata import native_metadata
from traktauth.server.profiles.base import Profile
from traktauth.server.revocation import separately as revocation
from traktauth.server.terms import Lives

PROVE_APP = (
    Check(apps.known, 400, "invalid_client", "missing client"),
    Check(apps.enabled, 400, "invalid_client", "client is disabled"),
    Check(apps.secret_if_confidential, 400, "invalid_client", "client secret must be provided"),
    Check(apps.no_secret_if_none, 400, "invalid_client", "public client, client secret should not be received"),
    Check(apps.secret_right, 401, "invalid_client", "invalid client_secret"),
)
ONE_PROOF = Check(parameters.one_way_of_proof, 400, "invalid_request", "client_secret is given twice")
RESOURCE = Check(parameters.resource_known, 400, "invalid_request", "requested resource invalid")

EXCHANGE = (
    ONE_PROOF,
    Check(parameters.names_app, 400, "invalid_request", "client_id is required"),
    Check(parameters.given("code"), 400, "invalid_request", "code is required"),
    Check(parameters.given("redirect_uri"), 400, "invalid_request", "redirect_uri is required"),
    Check(parameters.gives_proof, 400, "invalid_request", "Either code_verifier or client_secret is required"),
    Check(codes.spent_by_this, 401, "invalid_grant", "invalid code"),  # whatever fails from here on burns the code
    Check(codes.of_named_app, 401, "invalid_client", "invalid client_id"),
    Check(codes.same_redirect, 400, "invalid_request", "redirect_uri mismatch"),
    *PROVE_APP,
    Check(codes.scopes_allowed, 400, "invalid_scope", "client does not allow scope {}"),
    Check(codes.verifier_if_needed, 400, "invalid_request", "PKCE is required for this client"),
    Check(
        codes.verifier_if_challenged,
        401,
        "invalid_request",
        "code_verifier required because PKCE was used in authorization",
    ),
    Check(
        codes.challenged_if_verifier,
        401,
        "invalid_request",
        "code_verifier provided but PKCE was not used in authorization",
    ),
    Check(codes.verifier_right, 401, "invalid_request", "code verification failed"),
    Check(codes.session_lives, 400, "invalid_request", "session no longer exists"),
    RESOURCE,
)
USED = (400, "invalid_grant", "invalid refresh token")
REFRESH = (
    ONE_PROOF,
    Check(parameters.names_app, 400, "invalid_grant", "Missing required client_id"),
    Check(
        parameters.given("refresh_token"),
        400,
        "invalid_grant",
        "Missing a required refresh_token for refresh_token grant",
    ),
    Check(refreshes.found, 400, "invalid_grant", "session not found"),
    Check(refreshes.of_named_app, 400, "invalid_client", "invalid client_id"),
    Check(refreshes.not_expired, *USED),
    Check(refreshes.admitted, *USED),  # before the app has proven itself
    Check(refreshes.scope_within, 400, "invalid_scope", "unable to issue scope {}"),
    *PROVE_APP,
    Check(refreshes.user_exists, 400, "invalid_request", "user not found"),
    RESOURCE,
)
ITSELF = (
    ONE_PROOF,
    Check(parameters.names_app, 400, "invalid_grant", "Missing required client_id"),
    Check(parameters.gives_secret, 400, "invalid_grant", "Missing a required client_secret"),
    *PROVE_APP,
    Check(apps.never, 400, "unauthorized_client", "client is not authorized to use grant type client_credentials"),
)
GRANTS = {
    AUTHORIZATION_CODE: Procedure(EXCHANGE, pair_for_code_by_scope),
    REFRESH_TOKEN: Procedure(REFRESH, successor_by_scope(USED)),
    "client_credentials": Procedure(ITSELF, bool),
}
NO_CREDENTIALS = (401, "invalid_client", "missing required credentials")
TOKEN_GIVEN = Check(parameters.given("token"), 400, "invalid_request", "missing a required token for introspection")
REVOKE = Procedure((Check(parameters.names_app, *NO_CREDENTIALS), TOKEN_GIVEN, *PROVE_APP), revocation.revoke)
INTROSPECT = Procedure(
    (
        Check(parameters.names_app, *NO_CREDENTIALS),
        Check(parameters.gives_secret, *NO_CREDENTIALS),
        TOKEN_GIVEN,
        *PROVE_APP,
    ),
    inspection.introspect,
)
USER_INFO = Procedure((), inspection.user_info)

NEEDS_APP = Check(parameters.names_app, 400, "invalid_request", "client_id is required")
TRAKT_DEVICE_CODE = Procedure(
    (NEEDS_APP, Check(apps.known, 400, "invalid_client", "client_id is required")), asking.fresh_device_code
)
TRAKT_DEVICE_TOKEN = Procedure(
    (
        NEEDS_APP,
        Check(apps.known, 401, "invalid_client", "missing client"),
        Check(parameters.given("code"), 400, "invalid_request", "code is required"),
        Check(polling.proof_right, 401, "invalid_client", "invalid client_secret"),
        Check(apps.enabled, 400, "invalid_client", "client is disabled"),
    ),
    polling.poll_as_trakt,
)
NATIVE_DEVICE_CODE = Procedure(
    (Check(apps.known, 400, "invalid_client", "Invalid client ID"),), asking.fresh_device_code_by_scope
)
NATIVE_DEVICE_TOKEN = Procedure((Check(apps.known, 400, "invalid_grant", "Invalid client ID"),), polling.poll_as_native)

AT = "/api/auth/oauth2"
BY = native.refuse
FORMS, OBJECTS = (FORM,), (JSON,)


def _inspection(at: str) -> tuple[Endpoint, Endpoint]:
    return (
        Endpoint(
            f"{at}/introspect",
            native.read_about_token,
            native.write_members,
            BY,
            INTROSPECT,
            media=FORMS,
            changes=False,
        ),
        Endpoint(
            f"{at}/userinfo",
            native.read_bearer,
            native.write_members,
            BY,
            USER_INFO,
            methods=("GET", "POST"),
            media=(),
            changes=False,
        ),
    )


ENDPOINTS = (
    Endpoint("/oauth/token", trakt.read_token, trakt.write_tokens, BY, grants=GRANTS),
    Endpoint("/oauth/revoke", trakt.read_about_token, trakt.write_revoked, BY, REVOKE),
    *_inspection("/oauth"),
    Endpoint("/oauth/device/code", trakt.read_device, asking.write_as_trakt, BY, TRAKT_DEVICE_CODE, media=OBJECTS),
    Endpoint("/oauth/device/token", trakt.read_device, trakt.write_tokens, BY, TRAKT_DEVICE_TOKEN, media=OBJECTS),
    Endpoint(f"{AT}/token", native.read_token, native.write_tokens, BY, grants=GRANTS, media=FORMS),
    Endpoint(f"{AT}/revoke", native.read_about_token, native.write_revoked, BY, REVOKE, media=FORMS),
    *_inspection(AT),
    Endpoint(
        "/api/auth/device/code", native.read_device_code, asking.write_as_native, BY, NATIVE_DEVICE_CODE, media=OBJECTS
    ),
    Endpoint(
        "/api/auth/device/token",
        native.read_device_token,
        polling.write_session_token,
        BY,
        NATIVE_DEVICE_TOKEN,
        media=OBJECTS,
    ),
)
AUTHORIZE = Authorize(
    prepare=add_as_trakts_page,
    read=read_as_native,
    steps=(
        Step(steps.absent("request_uri"), "invalid_request_uri", "request_uri not supported"),
        Step(steps.app_named, "invalid_client", "client_id is required"),
        Step(steps.given("response_type"), "invalid_request", "response_type is required"),
        Step(steps.no_prompt("select_account"), "unsupported_prompt_select_account", "unsupported prompt type"),
        Step(steps.wants_code, "unsupported_response_type", "unsupported response type"),
        Step(steps.app_known, "invalid_client", "client_id is required"),
        Step(steps.app_enabled, "client_disabled", "client is disabled"),
        Step(steps.redirect_registered, "invalid_redirect", "invalid redirect uri"),
        # The redirect address is known to be the app's: from here on the client is told.
        Step(steps.scopes_offered, "invalid_scope", "The following scopes are invalid: {}", at_client=True),
        Step(steps.challenge_if_public, "invalid_request", "pkce is required for public clients", at_client=True),
        Step(
            steps.challenge_if_offline,
            "invalid_request",
            "pkce is required when requesting offline_access scope",
            at_client=True,
        ),
        Step(steps.challenge_if_required, "invalid_request", "pkce is required for this client", at_client=True),
        Step(
            steps.challenge_whole_or_absent,
            "invalid_request",
            "code_challenge and code_challenge_method must both be provided",
            at_client=True,
        ),
    ),
    denied=("access_denied", "User denied access"),
    names_issuer=True,
    modes=False,
)
CURRENT = Profile(
    name="current",
    measured_on="better-auth 1.6.33, oauth-provider 1.6.33",
    lives=Lives(access=604_800, refresh=2_592_000, code=600, device=600, session=5_184_000),
    scopes=("public", "openid", "profile", "email", "offline_access"),
    default_scope="public offline_access",
    rotation="family",
    access_outlives=True,
    interval=5,
    endpoints=ENDPOINTS,
    authorize=AUTHORIZE,
    native_authorize=f"{AT}/authorize",
    metadata=native_metadata,
)
