"""Authorization requests under `--strict`: only errors of the client or its redirect URI end on a page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from traktauth.server.engines.doorkeeper.authorization import KNOWN
from traktauth.server.errors import ValidationError
from traktauth.server.http.messages import first_duplicate
from traktauth.server.oauth import checks
from traktauth.server.oauth.request import require

if TYPE_CHECKING:
    from traktauth.server.oauth.authorization import AuthorizationRules, Parameters

PAGE_ERRORS = frozenset(("invalid_client", "client_disabled", "invalid_redirect", "invalid_redirect_uri"))
"""Errors of the client or its redirect URI, which cannot be trusted then (RFC 6749 section 4.1.2.1)."""
STANDARD_ERRORS = {
    "invalid_code_challenge_method": "invalid_request",
    "invalid_request_uri": "request_uri_not_supported",
    "unsupported_prompt_select_account": "invalid_request",
    "unsupported_response_mode": "invalid_request",
}
MORE_CHECKS = (
    require(checks.challenge_s256, 302, "invalid_request", "the code challenge method must be S256"),
    require(checks.own_challenge_if_public, 302, "invalid_request", "pkce is required for public clients"),
)


def strict_rules(rules: AuthorizationRules) -> AuthorizationRules:
    """Check the client and its redirect URI first, with errors on a page; send every other error to the client."""
    first = tuple(check for check in rules.checks if check.error in PAGE_ERRORS or check.run is checks.names_client)
    rest = (
        check._replace(error=STANDARD_ERRORS.get(check.error, check.error), status=302)
        for check in rules.checks
        if check not in first
    )
    return replace(rules, read=read_query, checks=(*first, *rest, *MORE_CHECKS), names_issuer=True)


def read_query(pairs: Parameters) -> dict[str, str]:
    """Parse a query (RFC 6749 section 3.1); the checks validate its values.

    Raises:
        ValidationError: a parameter is repeated.
    """
    duplicate = first_duplicate(pairs, KNOWN | {"nonce", "request_uri"})
    if duplicate:
        raise ValidationError(f"The parameter {duplicate} is given more than once.")
    return {name: value for name, value in pairs if value}
