"""Where a local Trakt answers otherwise than the engine, on purpose; and what is not compared, with the reasons.

`docs/fidelity.md` tells the same in words; a test holds the two together.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interop.replay.cases import ANY, Case
from interop.replay.given.registry import fits

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Deviation:
    """Cases that a local Trakt answers otherwise.

    Attributes:
        cases: patterns of their names.
        why: the reason, a clause.
        instead: what it answers; None: as was recorded.
        effects: what is seen afterwards instead.
        also_recorded: whether the recorded answer is right as well.
    """

    cases: tuple[str, ...]
    why: str
    instead: Mapping[str, Any] | None
    effects: Mapping[str, Any] | None = None
    also_recorded: bool = False


BAD_GRANT = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client."
)


def refusal(error: str, description: str, status: int = 400) -> dict[str, Any]:
    """Give Doorkeeper's answer to a request that it refuses."""
    challenge = f'Bearer realm="Doorkeeper", error="{error}", error_description="{description}"'
    body = json.dumps({"error": error, "error_description": description})
    headers = {**JSON, "cache-control": "no-store", "www-authenticate": ANY if ANY in description else challenge}
    return {"status": status, "headers": headers, "body": body}


LIVES, DEAD = {"access": 200, "refresh": "200 ok"}, {"access": 401, "refresh": f"400 invalid_grant/{BAD_GRANT}"}
NOT_YOURS = {"error": "unauthorized_client", "error_description": "You are not authorized to revoke this token"}
BAD_REDIRECT = "{{base}}/api/auth/error?error=invalid_redirect&error_description=invalid+redirect+uri"
PAGE = {"status": 200, "headers": {"content-type": "text/html"}, "body": ""}
RESOURCE = {"status": 200, "headers": JSON, "body": ANY}

DEVIATIONS: dict[str, tuple[Deviation, ...]] = {
    "current": (
        Deviation(
            ("native.authorize.redirect_with_userinfo",),
            "better-auth takes a loopback address with a user's name in it for the registered one",
            {"status": 302, "headers": {"location": BAD_REDIRECT}, "body": ""},
        ),
    ),
    "classic": (
        Deviation(
            ("me_ok", "further.me_*", "refresh_*access_token*used*", "*_then_use"),
            "any resource behind a token will do",
            RESOURCE,
            also_recorded=True,
        ),
        Deviation(
            ("token_malformed_json", "token_form_bad_percent", "token_form_bad_utf8", "token_form_null_byte"),
            "Rails refuses some of these with an empty page and looks others up; saying what is wrong is as good",
            refusal("invalid_request", ANY),
            also_recorded=True,
        ),
        Deviation(
            ("code_exchange_params_in_query",),
            "credentials in the query are not read (RFC 6749 section 2.3.1), as in Doorkeeper 6",
            refusal("invalid_request", "Missing required parameter: grant_type."),
        ),
        Deviation(
            ("refresh_after_revoke_of_expired_pair",),
            "Doorkeeper 5.6.6 cannot revoke a refresh token whose access token has expired",
            refusal("invalid_grant", BAD_GRANT),
        ),
        Deviation(
            ("further.revoke_expired_*",),
            "Doorkeeper 5.6.6 answers 200 to a revocation once the access token has expired, and revokes nothing",
            None,
            effects=DEAD,
        ),
        Deviation(
            ("further.revoke_public_by_confidential",),
            "Doorkeeper lets any confidential app revoke a public app's token",
            {"status": 403, "headers": JSON, "body": json.dumps(NOT_YOURS)},
            effects=LIVES,
        ),
        Deviation(
            ("further.authorize_redirect_query", "further.authorize_redirect_userinfo"),
            "Doorkeeper ignores a query or a user's name that the registered address does not have",
            PAGE,
        ),
        Deviation(
            (
                "authorize_ui_deny_bad_redirect",
                *(f"further.authorize_deny_{what}" for what in ("bad_redirect", "bad_scope", "unknown_client")),
            ),
            "Doorkeeper 5.6.6 checks nothing where a person says no, and redirects wherever the form says",
            PAGE,
        ),
        Deviation(("authorize_ui_deny_oob",), "a person reads it: it stands on a page", PAGE),
    ),
}

OUT_OF_SCOPE: dict[str, dict[str, str]] = {
    "current": {
        "*@1.*": "an older version of the engine",
        "*.db_latency_*": "an engine whose database is slow",
        "*.no_foreign_keys*": "an engine whose database has no foreign keys",
        "native.refresh.race_winner_500": "an accident of the engine's that nobody should imitate",
        "native.rate_limit.*": "the engine counts by X-Forwarded-For, which a local Trakt does not trust",
        "native.consent.tampered_query": "the call that the engine's own consent page makes",
        "native.error_page": "where the engine shows its errors is its own affair",
    },
    "classic": {
        "device_code_absent": "Trakt added device codes to Doorkeeper",
        "metadata_absent": "a local Trakt describes itself in both profiles",
    },
}


def reason_to_skip(case: Case) -> str | None:
    """Say why a case is not compared, None where it is."""
    fitting = (why for pattern, why in OUT_OF_SCOPE[case.profile].items() if fits(case.name, pattern))
    return next(fitting, None)


def deviation_of(case: Case) -> Deviation | None:
    """Give the deviation that a case falls under."""
    found = (one for one in DEVIATIONS[case.profile] if any(fits(case.name, pattern) for pattern in one.cases))
    return next(found, None)
