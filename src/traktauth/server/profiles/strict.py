"""What `--strict` makes of a profile: what the RFCs demand beyond Trakt, in place of what its engine does.

The requests for tokens get the lists below, at each of the profile's addresses; authorization requests keep the
profile's rules but tell the client of all that may be told it, and want S256; the profile's numbers change at the end.
Device codes stay at Trakt's addresses, and are told of in the words of RFC 8628.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from traktauth.protocol import AUTHORIZATION_CODE, REFRESH_TOKEN
from traktauth.server.attempt import Attempt, Check, Procedure
from traktauth.server.authorization import steps
from traktauth.server.authorization.reading import read_as_said
from traktauth.server.authorization.wish import Step
from traktauth.server.checks import apps, codes, parameters, refreshes, scopes
from traktauth.server.devices import asking, polling
from traktauth.server.doors import rails, rfc
from traktauth.server.doors.base import EITHER
from traktauth.server.refusals import Refusal
from traktauth.server.revocation import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.authorization.ending import Authorize
    from traktauth.server.doors.base import Endpoint
    from traktauth.server.profiles.base import Profile
    from traktauth.server.terms import Terms

MONTH = 2_592_000
ABSENT = (400, "invalid_request", "The parameter {} is missing.")
NOBODY = (401, "invalid_client", "The client is unknown, or has not proven itself.")
BAD_GRANT = (400, "invalid_grant", "The code or token is unknown, expired, used, or another client's.")
ONE_PROOF = Check(parameters.one_way_of_proof, 400, "invalid_request", "The client has proven itself in two ways.")
PROVEN = Check(apps.proven, *NOBODY)

EXCHANGE = (
    ONE_PROOF,
    PROVEN,  # first: who cannot prove itself spends nothing, and revokes nothing
    Check(parameters.given("code"), *ABSENT),
    Check(parameters.given("redirect_uri"), *ABSENT),
    Check(codes.look_up, *BAD_GRANT),
    Check(codes.of_proven_app, *BAD_GRANT),
    Check(codes.accessible, *BAD_GRANT),  # a used one revokes what it gave
    Check(codes.same_redirect, 400, "invalid_grant", "The redirect address is not the one that the code was sent to."),
    Check(codes.verifier_if_challenged, 400, "invalid_grant", "The code was asked for with a challenge."),
    Check(codes.verifier_formed, 400, "invalid_request", "A code_verifier has 43 to 128 unreserved characters."),
    Check(codes.verifier_right, 400, "invalid_grant", "The code_verifier is not the challenge's."),
    Check(codes.spent_at_last, *BAD_GRANT),
)
REFRESH = (
    ONE_PROOF,
    PROVEN,
    Check(parameters.given("refresh_token"), *ABSENT),
    Check(refreshes.found, *BAD_GRANT),
    Check(refreshes.of_proven_app, *BAD_GRANT),
    Check(refreshes.not_expired, *BAD_GRANT),
    Check(refreshes.admitted, *BAD_GRANT),
    Check(refreshes.scope_within, 400, "invalid_scope", "More scopes are asked for than were granted."),
)
ITSELF = (
    ONE_PROOF,
    PROVEN,
    Check(apps.keeps_secret, 400, "unauthorized_client", "A public client gets no token for itself."),
    Check(scopes.offered, 400, "invalid_scope", "A scope is unknown."),
)
CHECKS = {AUTHORIZATION_CODE: EXCHANGE, REFRESH_TOKEN: REFRESH, "client_credentials": ITSELF}
VERIFIED = Check(polling.verifier_right, 400, "invalid_grant", "The code_verifier is not the challenge's.")
REVOKE = Procedure((ONE_PROOF, PROVEN, Check(parameters.given("token"), *ABSENT)), together.revoke)

FOR_THE_PERSON = frozenset(("invalid_client", "client_disabled", "invalid_redirect", "invalid_redirect_uri"))
"""What is wrong with the app or its address, neither of which can be trusted then (RFC 6749 section 4.1.2.1)."""
WORDS = {
    "invalid_code_challenge_method": "invalid_request",
    "invalid_request_uri": "request_uri_not_supported",
    "unsupported_prompt_select_account": "invalid_request",
    "unsupported_response_mode": "invalid_request",
}
MORE_STEPS = (
    Step(steps.challenge_by_s256, "invalid_request", "the code challenge method must be S256", at_client=True),
    Step(steps.challenge_if_public, "invalid_request", "pkce is required for public clients", at_client=True),
)


def strictly(profile: Profile) -> Profile:
    """Give a profile that demands what the RFCs demand."""
    return replace(
        profile,
        lives=profile.lives._replace(refresh=profile.lives.refresh or MONTH),
        rotation="family",  # RFC 9700 section 4.14.2
        access_outlives=False,  # so that a revoked refresh token leaves no older access token behind
        endpoints=tuple(_endpoint(one, profile) for one in profile.endpoints),
        authorize=_authorize(profile.authorize),
        metadata=_metadata(profile.metadata),
    )


def _endpoint(endpoint: Endpoint, profile: Profile) -> Endpoint:
    """Give what an address does, by the end of its path."""
    path = endpoint.path
    if endpoint.grants:
        adds = profile.native_authorize is not None and not path.startswith("/api/")
        read = rfc.read_token_with_trakts_verifier if adds else rails.read_token
        grants = {name: Procedure(_checks(name, given), given.deed) for name, given in endpoint.grants.items()}
        return replace(endpoint, read=read, refuse=rfc.refuse, grants=grants, media=EITHER, guarded=True)
    if path.endswith("/revoke"):
        read, write = rfc.read_about_token, rfc.write_revoked
        return replace(
            endpoint, read=read, write=write, refuse=rfc.refuse, procedure=REVOKE, media=EITHER, guarded=True
        )
    if path.endswith("/introspect") and endpoint.procedure is not None:
        checks = (ONE_PROOF, PROVEN, Check(parameters.given("token"), *ABSENT))
        asked = Procedure(checks, _inactive_unless_known(endpoint.procedure.deed))
        return replace(
            endpoint, read=rfc.read_about_token, refuse=rfc.refuse, procedure=asked, media=EITHER, guarded=True
        )
    if path.endswith("/device/code"):
        return replace(endpoint, write=asking.write_for_both, refuse=rfc.refuse)
    if path.endswith("/device/token"):
        proves = endpoint.procedure is not None and any(
            check.holds is polling.proof_right for check in endpoint.procedure.checks
        )
        return replace(endpoint, refuse=rfc.refuse, procedure=_in_words(endpoint.procedure), guarded=proves)
    if path.endswith(("/userinfo", "/token/info")):
        return replace(endpoint, refuse=rfc.refuse_bearer)
    return endpoint


def _in_words(given: Procedure | None) -> Procedure | None:
    """Let a poll at Trakt's address tell the state of a code by a word, not a status alone."""
    if given is None or given.deed is not polling.poll_as_trakt:
        return given
    return Procedure((*given.checks, VERIFIED), polling.poll_in_words)


def _checks(grant: str, given: Procedure) -> tuple[Check, ...]:
    """Give a grant's checks; a grant that the profile gives to no one stays so."""
    never = tuple(check for check in given.checks if check.holds is apps.never)
    return (*CHECKS[grant], *never)


def _inactive_unless_known(deed: Callable[[Attempt], Any]) -> Callable[[Attempt], Any]:
    """Let introspection say `inactive` of what it does not know (RFC 7662 section 2.2)."""

    def introspect(attempt: Attempt) -> Any:  # noqa: ANN401 - as the deed gives it
        try:
            return deed(attempt)
        except Refusal:
            return {"active": False}

    return introspect


def _authorize(rules: Authorize) -> Authorize:
    """Judge the app and its address first, on a page; tell the client of everything else."""
    first = tuple(step for step in rules.steps if step.error in FOR_THE_PERSON or step.holds is steps.app_named)
    rest = (
        step._replace(error=WORDS.get(step.error, step.error), at_client=True)
        for step in rules.steps
        if step not in first
    )
    return replace(rules, read=read_as_said, steps=(*first, *rest, *MORE_STEPS), names_issuer=True)


def _metadata(said: Callable[[Terms], dict[str, Any]]) -> Callable[[Terms], dict[str, Any]]:
    def metadata(terms: Terms) -> dict[str, Any]:
        told = said(terms)
        methods: list[str] = told["token_endpoint_auth_methods_supported"]
        return told | {
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "token_endpoint_auth_methods_supported": list(dict.fromkeys([*methods, "none"])),
            "revocation_endpoint_auth_methods_supported": list(dict.fromkeys([*methods, "none"])),
        }

    return metadata
