"""Authorization requests as better-auth answers them, with what Trakt's own page adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.engines.better_auth.validation import (
    Field,
    exactly,
    one_of,
    optional,
    optional_if,
    optional_url,
    require_string,
    validate,
)
from traktauth.server.engines.doorkeeper.authorization import prefer_sign_up
from traktauth.server.oauth import checks
from traktauth.server.oauth.authorization import AuthorizationRules
from traktauth.server.oauth.pkce import TRAKT_CHALLENGE
from traktauth.server.oauth.request import load, require

if TYPE_CHECKING:
    from traktauth.server.oauth.authorization import Parameters
    from traktauth.server.oauth.request import TokenPolicy

PROMPTS = ("none", "consent", "login", "create", "select_account", "login consent", "select_account consent")
QUERY: tuple[Field, ...] = (
    ("response_type", optional_if(exactly("code"))),
    ("client_id", require_string),
    ("redirect_uri", optional_url),
    ("scope", optional),
    ("state", optional),
    ("request_uri", optional),
    ("code_challenge", optional),
    ("code_challenge_method", optional_if(exactly("S256"))),
    ("nonce", optional),
    ("prompt", optional_if(one_of(*PROMPTS))),
    ("signup", optional),
)


def read_query(pairs: Parameters) -> dict[str, str]:
    """Parse a query: a repeated parameter is a list, and so no string.

    Raises:
        ValidationError: a parameter is invalid.
    """
    members: dict[str, object] = {}
    for name, value in pairs:
        members[name] = [members[name], value] if name in members else value
    return dict(validate(members, QUERY, where="query"))


def add_as_trakts_page(pairs: Parameters, policy: TokenPolicy) -> Parameters:
    """Add the default scope and Trakt's constant challenge if the client sends none; heed `signup=true`."""
    sent = dict(pairs)
    added: dict[str, str] = {}
    if not sent.get("scope"):
        added["scope"] = policy.default_scope
    if not sent.get("code_challenge"):
        added |= {"code_challenge": TRAKT_CHALLENGE, "code_challenge_method": "S256"}
    pairs = [pair for pair in pairs if pair[0] not in added] + list(added.items())
    return prefer_sign_up(pairs, policy)


RULES = AuthorizationRules(
    prepare=add_as_trakts_page,
    read=read_query,
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
