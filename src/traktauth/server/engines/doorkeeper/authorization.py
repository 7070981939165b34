"""Authorization requests as Doorkeeper answers them: every error on a page, and none to the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.engines.doorkeeper.wire import BAD_SCOPE, NO_CLIENT
from traktauth.server.errors import ValidationError
from traktauth.server.messages import first_duplicate
from traktauth.server.oauth import checks
from traktauth.server.oauth.authorization import AuthorizationRules
from traktauth.server.oauth.request import load, require

if TYPE_CHECKING:
    from traktauth.server.oauth.authorization import Parameters
    from traktauth.server.oauth.request import TokenPolicy

KNOWN = frozenset((
    "client_id", "code_challenge", "code_challenge_method", "response_type", "response_mode", "redirect_uri", "scope",
    "state", "signup", "prompt",
))  # fmt: skip


def read_query(pairs: Parameters) -> dict[str, str]:
    """Parse a query as Rails does, but reject a repeated parameter (RFC 6749 section 3.1).

    Raises:
        ValidationError: a parameter is repeated.
    """
    duplicate = first_duplicate(pairs, KNOWN)
    if duplicate:
        raise ValidationError(f"The parameter {duplicate} is given more than once.")
    return {name: value for name, value in pairs if name in KNOWN}


def prefer_sign_up(pairs: Parameters, policy: TokenPolicy) -> Parameters:  # noqa: ARG001 - as `prepare` is called
    """Turn `signup=true` into a prompt for a new user."""
    sent = dict(pairs)
    if sent.get("signup") != "true" or sent.get("prompt"):
        return pairs
    return [pair for pair in pairs if pair[0] != "prompt"] + [("prompt", "create")]


RULES = AuthorizationRules(
    prepare=prefer_sign_up,
    read=read_query,
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
