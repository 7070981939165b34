"""Intended differences between the local Trakt and the engines, and cases that are not compared, with the reasons.

`docs/fidelity.md` shows the same; `report.py` writes it there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fidelity.replay.cases import ANY, Case, matches

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Deviation:
    """Cases in which the local Trakt responds differently.

    Attributes:
        cases: patterns of their names.
        engine: what the engine does.
        local: what the local Trakt does.
        why: the reason.
        instead: the response; None: as recorded.
        effects: what is observed afterwards; None: as recorded.
        also_recorded: whether the recorded response is valid as well.
    """

    cases: tuple[str, ...]
    engine: str
    local: str
    why: str
    instead: Mapping[str, Any] | None = None
    effects: Mapping[str, Any] | None = None
    also_recorded: bool = False


BAD_GRANT = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client."
)


def refusal(error: str, description: str, status: int = 400) -> dict[str, Any]:
    """Return Doorkeeper's response to a request that it refuses."""
    challenge = f'Bearer realm="Doorkeeper", error="{error}", error_description="{description}"'
    body = json.dumps({"error": error, "error_description": description})
    headers = {**JSON, "cache-control": "no-store", "www-authenticate": ANY if ANY in description else challenge}
    return {"status": status, "headers": headers, "body": body}


LIVES, DEAD = {"access": 200, "refresh": "200 ok"}, {"access": 401, "refresh": f"400 invalid_grant/{BAD_GRANT}"}
NOT_YOURS = {"error": "unauthorized_client", "error_description": "You are not authorized to revoke this token"}
BAD_REDIRECT = "{{base}}/api/auth/error?error=invalid_redirect&error_description=invalid+redirect+uri"
PAGE = {"status": 200, "headers": {"content-type": "text/html"}, "body": ""}
RESOURCE = {"status": 200, "headers": JSON, "body": ANY}

RFC_6749 = "RFC 6749 section {}"
DEVIATIONS: dict[str, tuple[Deviation, ...]] = {
    "current": (
        Deviation(
            ("native.authorize.redirect_with_userinfo",),
            "treats `http://u@127.0.0.1:9876/callback` as the registered address without `u@`",
            "refuses it and shows an error page",
            "redirect addresses are compared exactly, except for a loopback port (RFC 9700 section 4.1.3)",
            {"status": 302, "headers": {"location": BAD_REDIRECT}, "body": ""},
        ),
    ),
    "classic": (
        Deviation(
            ("me_ok", "further.me_*", "refresh_*access_token*used*", "*_then_use"),
            "has a sample resource, `/me`",
            "has `/users/me` and `/users/settings`",
            "any resource that needs a token shows whether the token works",
            RESOURCE,
            also_recorded=True,
        ),
        Deviation(
            ("token_malformed_json", "token_form_bad_percent", "token_form_bad_utf8", "token_form_null_byte"),
            "returns an empty page for some malformed bodies, and processes others",
            "returns 400 `invalid_request` and a description of the error",
            "the pages of Rails do not help a user",
            refusal("invalid_request", ANY),
            also_recorded=True,
        ),
        Deviation(
            ("code_exchange_params_in_query",),
            "reads credentials in the query (5.6; 6.0 does not)",
            "does not read them there",
            RFC_6749.format("2.3.1"),
            refusal("invalid_request", "Missing required parameter: grant_type."),
        ),
        Deviation(
            ("refresh_after_revoke_of_expired_pair",),
            "returns 200 but does not revoke a refresh token whose access token has expired",
            "revokes it",
            "a user who has signed out must stay signed out",
            refusal("invalid_grant", BAD_GRANT),
        ),
        Deviation(
            ("further.revoke_expired_*",),
            "the same, observed after the revocation",
            "revokes both tokens",
            "a user who has signed out must stay signed out",
            effects=DEAD,
        ),
        Deviation(
            ("further.revoke_public_by_confidential",),
            "lets any confidential app revoke a public app's tokens",
            "returns 403 `unauthorized_client`",
            "only the app of a token may revoke it (RFC 7009 section 2.1)",
            {"status": 403, "headers": JSON, "body": json.dumps(NOT_YOURS)},
            effects=LIVES,
        ),
        Deviation(
            ("further.authorize_redirect_query", "further.authorize_redirect_userinfo"),
            "ignores a query or a user name that is not part of the registered address",
            "refuses the address and shows an error page",
            "redirect addresses are compared exactly, except for a loopback port (RFC 9700 section 4.1.3)",
            PAGE,
        ),
        Deviation(
            (
                "authorize_ui_deny_bad_redirect",
                *(f"further.authorize_deny_{what}" for what in ("bad_redirect", "bad_scope", "unknown_client")),
            ),
            "checks nothing when the user denies a request, and redirects to any address in the form",
            "checks a denial like a consent, and shows an error page",
            "it is an open redirector (RFC 9700 section 4.11)",
            PAGE,
        ),
        Deviation(
            ("authorize_ui_deny_oob",),
            "returns 400 and JSON for a denied out-of-band request, in the user's browser",
            "shows a page",
            "a user reads it",
            PAGE,
        ),
    ),
}

OUT_OF_SCOPE: dict[str, dict[str, str]] = {
    "current": {
        "*@1.*": "an older version of the engine",
        "*.db_latency_*": "an engine whose database is slow",
        "*.no_foreign_keys*": "an engine whose database has no foreign keys",
        "native.refresh.race_winner_500": "a bug of the engine that should not be copied",
        "native.rate_limit.*": "the engine counts by X-Forwarded-For, which the local Trakt does not trust",
        "native.consent.tampered_query": "a request of the engine's own consent page",
        "native.error_page": "the address of the engine's error page does not matter",
    },
    "classic": {
        "device_code_absent": "Trakt added device codes to Doorkeeper",
        "metadata_absent": "the local Trakt has metadata in both profiles",
    },
}


def reason_to_skip(case: Case) -> str | None:
    """Return why a case is not compared, or None if it is."""
    fitting = (why for pattern, why in OUT_OF_SCOPE[case.profile].items() if matches(case.name, pattern))
    return next(fitting, None)


def deviation_of(case: Case) -> Deviation | None:
    """Return the deviation of a case, or None."""
    found = (one for one in DEVIATIONS[case.profile] if any(matches(case.name, pattern) for pattern in one.cases))
    return next(found, None)
