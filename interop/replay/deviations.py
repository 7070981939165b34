"""Where a local Trakt answers otherwise than the engine, on purpose; and what is not compared, with the reasons.

`docs/fidelity.md` shows the same; `pages.py` writes it there.
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
        engine: what the engine does.
        local: what a local Trakt does.
        why: the reason.
        instead: the answer; None: as was recorded.
        effects: what is seen afterwards instead; None: as was recorded.
        also_recorded: whether the recorded answer is right as well.
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

RFC_6749 = "RFC 6749 section {}"
DEVIATIONS: dict[str, tuple[Deviation, ...]] = {
    "current": (
        Deviation(
            ("native.authorize.redirect_with_userinfo",),
            "takes `http://u@127.0.0.1:9876/callback` for the registered address without `u@`",
            "refuses it, on a page",
            "redirect addresses are compared exactly, up to a loopback port (RFC 9700 section 4.1.3)",
            {"status": 302, "headers": {"location": BAD_REDIRECT}, "body": ""},
        ),
    ),
    "classic": (
        Deviation(
            ("me_ok", "further.me_*", "refresh_*access_token*used*", "*_then_use"),
            "has a sample resource, `/me`",
            "has `/users/me` and `/users/settings`",
            "any resource behind a token shows whether it works",
            RESOURCE,
            also_recorded=True,
        ),
        Deviation(
            ("token_malformed_json", "token_form_bad_percent", "token_form_bad_utf8", "token_form_null_byte"),
            "answers some malformed bodies with an empty page, and looks others up",
            "says 400 `invalid_request`, and what is wrong",
            "Rails' pages help nobody",
            refusal("invalid_request", ANY),
            also_recorded=True,
        ),
        Deviation(
            ("code_exchange_params_in_query",),
            "reads credentials in the query (5.6; 6.0 does not)",
            "reads none there",
            RFC_6749.format("2.3.1"),
            refusal("invalid_request", "Missing required parameter: grant_type."),
        ),
        Deviation(
            ("refresh_after_revoke_of_expired_pair",),
            "cannot revoke a refresh token once its access token has expired: 200, and it refreshes on",
            "revokes it",
            "who signed out must stay signed out",
            refusal("invalid_grant", BAD_GRANT),
        ),
        Deviation(
            ("further.revoke_expired_*",),
            "the same, seen from the revocation",
            "revokes both tokens",
            "who signed out must stay signed out",
            effects=DEAD,
        ),
        Deviation(
            ("further.revoke_public_by_confidential",),
            "lets any confidential app revoke a public app's tokens",
            "says 403 `unauthorized_client`",
            "a token is revoked by the app that it belongs to (RFC 7009 section 2.1)",
            {"status": 403, "headers": JSON, "body": json.dumps(NOT_YOURS)},
            effects=LIVES,
        ),
        Deviation(
            ("further.authorize_redirect_query", "further.authorize_redirect_userinfo"),
            "ignores a query or a user's name that the registered address does not have",
            "refuses the address, on a page",
            "redirect addresses are compared exactly, up to a loopback port (RFC 9700 section 4.1.3)",
            PAGE,
        ),
        Deviation(
            (
                "authorize_ui_deny_bad_redirect",
                *(f"further.authorize_deny_{what}" for what in ("bad_redirect", "bad_scope", "unknown_client")),
            ),
            "checks nothing where a person says no, and redirects wherever the form says",
            "checks a denial as it checks a consent, and shows a page",
            "an open redirector (RFC 9700 section 4.11)",
            PAGE,
        ),
        Deviation(
            ("authorize_ui_deny_oob",),
            "answers a denial out of band with 400 and JSON, in the person's browser",
            "shows a page",
            "a person reads it",
            PAGE,
        ),
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
