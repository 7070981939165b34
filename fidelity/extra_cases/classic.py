"""Further cases of the profile `classic`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fidelity.extra_cases.case import GONE, NOBODY, UNKNOWN_APP, ExtraCase, bare, form, posted, raw
from fidelity.replay.http import JSON
from fidelity.setups.classic import CHALLENGE, VERIFIER

if TYPE_CHECKING:
    from collections.abc import Iterator

A = {"client_id": "{{client_id:A}}", "client_secret": "{{client_secret:A}}"}
B = {"client_id": "{{client_id:B}}", "client_secret": "{{client_secret:B}}"}
C = {"client_id": "{{client_id:C}}", "client_secret": GONE}
C_SECRET = {"client_id": "{{client_id:C}}", "client_secret": "{{client_secret:C}}"}
BACK = "http://127.0.0.1:9999/callback"
BASIC_A = {"authorization": "{{basic:A}}"}
EXCHANGE_A = {"grant_type": "authorization_code", "code": "{{code}}", "redirect_uri": BACK, **A}
REFRESH_A = {"grant_type": "refresh_token", "refresh_token": "{{refresh_token}}", "redirect_uri": BACK, **A}
THEN_A = "code; afterwards the right exchange"
CHALLENGED_A = "code with an S256 challenge; afterwards the right exchange"
EXCHANGES_A: dict[str, tuple[str, dict[str, Any]]] = {
    "happy": ("code", {}),
    "wrong_secret": (THEN_A, {"client_secret": "wrong"}),
    "missing_secret": (THEN_A, {"client_secret": GONE}),
    "missing_code": (THEN_A, {"code": GONE}),
    "missing_redirect": (THEN_A, {"redirect_uri": GONE}),
    "missing_grant_type": (THEN_A, {"grant_type": GONE}),
    "unknown_client": (THEN_A, UNKNOWN_APP),
    "wrong_redirect_unregistered": (THEN_A, {"redirect_uri": "http://evil.example/cb"}),
    "wrong_redirect_registered": (THEN_A, {"redirect_uri": "http://127.0.0.1:9999/other"}),
    "redirect_trailing_slash": (THEN_A, {"redirect_uri": f"{BACK}/"}),
    "redirect_other_port": (THEN_A, {"redirect_uri": "http://127.0.0.1:50123/callback"}),
    "redirect_other_port_right": (
        "code for another loopback port",
        {"redirect_uri": "http://127.0.0.1:50123/callback"},
    ),
    "redirect_other_port_then_registered": ("code for another loopback port", {}),
    "redirect_nonsense": (THEN_A, {"redirect_uri": "nonsense"}),
    "redirect_empty": (THEN_A, {"redirect_uri": ""}),
    "expired": ("code, expired", {}),
    "just_in_time": ("code, just before its end", {}),
    "just_too_late": ("code, just after its end", {}),
    "reused": ("code, exchanged before", {}),
    "blank_code": (THEN_A, {"code": " "}),
    "empty_code": (THEN_A, {"code": ""}),
    "empty_secret": (THEN_A, {"client_secret": ""}),
    "missing_client": (THEN_A, NOBODY),
    "missing_client_id": (THEN_A, {"client_id": GONE}),
    "wrong_code_wrong_secret": ("nothing", {"code": "x", "client_secret": "wrong"}),
    "wrong_code_missing_redirect": ("nothing", {"code": "x", "redirect_uri": GONE}),
    "wrong_secret_wrong_redirect": (THEN_A, {"client_secret": "wrong", "redirect_uri": "http://evil.example/cb"}),
    "other_client_right_secret": (THEN_A, B),
    "public_client_with_secret": (
        "code for app C, which is public",
        {**C_SECRET, "redirect_uri": "http://127.0.0.1:9997/callback"},
    ),
    "public_client_wrong_secret": (
        "code for app C, which is public",
        {
            **C_SECRET,
            "client_secret": "wrong",
            "redirect_uri": "http://127.0.0.1:9997/callback",
        },
    ),
    "public_client_others_code": (THEN_A, C),
    "capital_grant": (THEN_A, {"grant_type": "Authorization_Code"}),
    "unknown_grant": (THEN_A, {"grant_type": "x"}),
    "unknown_grant_with_state": (THEN_A, {"grant_type": "x", "state": "s"}),
    "missing_grant_with_state": (THEN_A, {"grant_type": GONE, "state": "s"}),
    "missing_code_with_state": (THEN_A, {"code": GONE, "state": "s"}),
    "blank_grant": (THEN_A, {"grant_type": " "}),
    "extra_parameters": ("code", {"type": "web_server", "created_at": "1", "scope": "admin"}),
    "wrong_verifier": (CHALLENGED_A, {"code_verifier": "w" * 43}),
    "empty_verifier": (CHALLENGED_A, {"code_verifier": ""}),
    "missing_verifier_wrong_secret": (CHALLENGED_A, {"client_secret": "wrong"}),
    "challenge_as_verifier": (CHALLENGED_A, {"code_verifier": CHALLENGE}),
    "right_verifier_wrong_redirect": (
        CHALLENGED_A,
        {"code_verifier": VERIFIER, "redirect_uri": "http://evil.example/cb"},
    ),
    "empty_verifier_no_challenge": (THEN_A, {"code_verifier": ""}),
    "plain_wrong": ("code with a plain challenge", {"code_verifier": "w" * 43}),
    "plain_missing": ("code with a plain challenge", {}),
    "blank_verifier": (CHALLENGED_A, {"code_verifier": " "}),
    "blank_secret": (THEN_A, {"client_secret": " "}),
    "blank_client": (THEN_A, {"client_id": " "}),
    "blank_redirect": (THEN_A, {"redirect_uri": " "}),
    "secret_instead_of_verifier": (CHALLENGED_A, {}),
}
LIVES_A = "login; afterwards what lives"
REFRESHES_A: dict[str, tuple[str, dict[str, Any]]] = {
    "happy": ("login; afterwards both pairs", {}),
    "wrong_secret": (LIVES_A, {"client_secret": "wrong"}),
    "wrong_redirect": ("login; afterwards both pairs", {"redirect_uri": "http://evil.example/cb"}),
    "access_token": (LIVES_A, {"refresh_token": "{{access_token}}"}),
    "missing_token": (LIVES_A, {"refresh_token": GONE}),
    "no_redirect": ("login", {"redirect_uri": GONE}),
    "empty_token": (LIVES_A, {"refresh_token": ""}),
    "blank_token": (LIVES_A, {"refresh_token": " "}),
    "other_client": (LIVES_A, B),
    "other_client_wrong_secret": (LIVES_A, {**B, "client_secret": "wrong"}),
    "missing_secret": (LIVES_A, {"client_secret": GONE}),
    "empty_secret": (LIVES_A, {"client_secret": ""}),
    "unknown_client": (LIVES_A, UNKNOWN_APP),
    "no_client": (LIVES_A, NOBODY),
    "secret_alone": (LIVES_A, {"client_id": GONE}),
    "unknown_token_wrong_secret": ("nothing", {"refresh_token": "x", "client_secret": "wrong"}),
    "unknown_token_unknown_client": ("nothing", {"refresh_token": "x", **UNKNOWN_APP}),
    "unknown_token_no_client": ("nothing", {"refresh_token": "x", **NOBODY}),
    "scope_same": ("login", {"scope": "public"}),
    "scope_wider": (LIVES_A, {"scope": "public admin"}),
    "scope_other": (LIVES_A, {"scope": "admin"}),
    "scope_empty": ("login", {"scope": ""}),
    "scope_blank": ("login", {"scope": " "}),
    "blank_client": (LIVES_A, {"client_id": " "}),
    "scope_wider_wrong_secret": (LIVES_A, {"scope": "admin", "client_secret": "wrong"}),
    "public": ("login to app C, which is public; afterwards what lives", {**C, "redirect_uri": GONE}),
    "public_with_secret": (
        "login to app C, which is public; afterwards what lives",
        {**C_SECRET, "redirect_uri": GONE},
    ),
    "public_wrong_secret": (
        "login to app C, which is public; afterwards what lives",
        {
            **C_SECRET,
            "client_secret": "wrong",
            "redirect_uri": GONE,
        },
    ),
    "expired_access_token": ("login whose access token has expired; afterwards what lives", {}),
    "after_a_year": ("login, a year ago", {}),
    "revoked_by_refresh_token": ("login whose refresh token was revoked", {}),
    "two_devices": ("two logins; afterwards the other", {}),
    "chain_unused_middle": ("the old refresh token; the new one was refreshed but never used", {}),
    "before_new_used": ("the old pair of a refreshed login", {}),
    "after_new_used_then_new": ("the old pair of a refreshed login whose new access token was used", {}),
    "revoked_new_then_old": ("refreshed login; afterwards what lives", {}),
}
REVOCATIONS_A: dict[str, tuple[str, dict[str, Any]]] = {
    "access": (LIVES_A, {}),
    "refresh": (LIVES_A, {"token": "{{refresh_token}}"}),
    "other_client": (LIVES_A, B),
    "wrong_secret": (LIVES_A, {"client_secret": "wrong"}),
    "no_client": (LIVES_A, NOBODY),
    "missing_token": (LIVES_A, {"token": GONE}),
    "hint_access": (LIVES_A, {"token_type_hint": "access_token"}),
    "hint_refresh": (LIVES_A, {"token": "{{refresh_token}}", "token_type_hint": "refresh_token"}),
    "refresh_hint_access": (LIVES_A, {"token": "{{refresh_token}}", "token_type_hint": "access_token"}),
    "access_hint_refresh": (LIVES_A, {"token_type_hint": "refresh_token"}),
    "empty_token": (LIVES_A, {"token": ""}),
    "blank_token": (LIVES_A, {"token": " "}),
    "blank_client": (LIVES_A, {"client_id": " "}),
    "bearer_prefix": (LIVES_A, {"token": "Bearer {{access_token}}"}),
    "other_client_refresh": (LIVES_A, {"token": "{{refresh_token}}", **B}),
    "other_client_wrong_secret": (LIVES_A, {**B, "client_secret": "wrong"}),
    "missing_secret": (LIVES_A, {"client_secret": GONE}),
    "empty_secret": (LIVES_A, {"client_secret": ""}),
    "unknown_client": (LIVES_A, UNKNOWN_APP),
    "unknown_token_no_client": ("nothing", {"token": "x", **NOBODY}),
    "unknown_token_wrong_secret": ("nothing", {"token": "x", "client_secret": "wrong"}),
    "unknown_token_other_client": ("nothing", {"token": "x", **B}),
    "by_public": (LIVES_A, C),
    "public_own": ("login to app C, which is public; afterwards what lives", C),
    "public_own_refresh": (
        "login to app C, which is public; afterwards what lives",
        {"token": "{{refresh_token}}", **C},
    ),
    "public_own_secret": ("login to app C, which is public; afterwards what lives", C_SECRET),
    "public_by_confidential": ("login to app C, which is public; afterwards what lives", A),
    "expired_access": ("login whose access token has expired; afterwards what lives", {}),
    "expired_refresh": ("login whose access token has expired; afterwards what lives", {"token": "{{refresh_token}}"}),
    "old_access_after_refresh": ("refreshed login; afterwards what lives", {}),
    "old_refresh_after_refresh": ("refreshed login; afterwards what lives", {"token": "{{refresh_token}}"}),
    "new_access_after_refresh": ("refreshed login; afterwards what lives", {"token": "{{access_token_2}}"}),
    "two_devices": ("two logins; afterwards the other", {}),
}


def classic_cases() -> Iterator[ExtraCase]:
    """Give the further cases of the profile `classic`."""
    token = "/oauth/token"
    for name, (setup, change) in EXCHANGES_A.items():
        yield ExtraCase(f"further.code_{name}", setup, posted(token, {**EXCHANGE_A, **change}), "shim")
    for name, (setup, change) in REFRESHES_A.items():
        yield ExtraCase(f"further.refresh_{name}", setup, posted(token, {**REFRESH_A, **change}), "shim")
        if any(word in name for word in ("chain", "new", "happy", "expired", "devices")):
            request = posted(token, {**REFRESH_A, **change})
            yield ExtraCase(f"further.refresh_{name}[noprev]", setup, request, "shim", "noprev")
    for name, (setup, change) in REVOCATIONS_A.items():
        request = posted("/oauth/revoke", {"token": "{{access_token}}", **A, **change})
        yield ExtraCase(f"further.revoke_{name}", setup, request, "shim")
        if "after_refresh" in name:
            yield ExtraCase(f"further.revoke_{name}[noprev]", setup, request, "shim", "noprev")
    yield ExtraCase("further.code_form", "code", form(token, EXCHANGE_A), "shim")
    yield ExtraCase("further.code_basic", "code", form(token, {**EXCHANGE_A, **NOBODY}, BASIC_A), "shim")
    yield ExtraCase("further.code_basic_json", "code", posted(token, {**EXCHANGE_A, **NOBODY}, BASIC_A), "shim")
    yield ExtraCase(
        "further.code_basic_and_client_id", "code", form(token, {**EXCHANGE_A, "client_secret": GONE}, BASIC_A), "shim"
    )
    wrong = {"authorization": "Basic d3Jvbmc6d3Jvbmc="}
    yield ExtraCase("further.code_basic_wrong", THEN_A, form(token, {**EXCHANGE_A, **NOBODY}, wrong), "shim")
    yield ExtraCase(
        "further.code_stale_bearer", "code", posted(token, EXCHANGE_A, {"authorization": "Bearer stale"}), "shim"
    )
    yield ExtraCase("further.refresh_basic", "login", form(token, {**REFRESH_A, **NOBODY}, BASIC_A), "shim")
    yield ExtraCase("further.refresh_doubled_slash", "login", posted("//oauth/token", REFRESH_A), "shim")
    itself = {"grant_type": "client_credentials", **A}
    for name, change in (
        ("wrong_secret", {"client_secret": "wrong"}),
        ("no_client", NOBODY),
        ("scope", {"scope": "public"}),
        ("public", C),
        ("unknown", UNKNOWN_APP),
    ):
        yield ExtraCase(f"further.credentials_{name}", "nothing", posted(token, {**itself, **change}), "shim")
    for name, body in (("string", '"x"'), ("number", "1"), ("deep", "[" * 90 + "]" * 90), ("true", "true")):
        yield ExtraCase(f"further.token_json_{name}", "nothing", raw(token, body, JSON), "shim")
    yield ExtraCase("further.token_text_plain", "login", raw(token, json.dumps(REFRESH_A), "text/plain"), "shim")
    yield ExtraCase(
        "further.token_charset", "login", posted(token, REFRESH_A, {"content-type": f"{JSON}; charset=utf-8"}), "shim"
    )
    for method in ("PUT", "DELETE", "PATCH"):
        yield ExtraCase(f"further.token_{method}", "nothing", bare(method, token), "shim")
    yield ExtraCase("further.revoke_GET", "nothing", bare("GET", "/oauth/revoke"), "shim")
    yield ExtraCase(
        "further.revoke_json_basic", LIVES_A, posted("/oauth/revoke", {"token": "{{access_token}}"}, BASIC_A), "shim"
    )
    yield from classic_looks()


def classic_looks() -> Iterator[ExtraCase]:
    """Give them."""
    about = {"token": "{{access_token}}"}
    introspections: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
        "own": ("login", about, BASIC_A),
        "refresh": ("login", {"token": "{{refresh_token}}"}, BASIC_A),
        "body": ("login", {**about, **A}, {}),
        "others": ("login", {**about, **B}, {}),
        "no_client": ("login", about, {}),
        "wrong_secret": ("login", {**about, **A, "client_secret": "wrong"}, {}),
        "unknown_client": ("login", {**about, **UNKNOWN_APP}, {}),
        "missing_token": ("nothing", A, {}),
        "expired": ("login whose access token has expired; afterwards what lives", {**about, **A}, {}),
        "revoked": ("login whose access token was revoked", {**about, **A}, {}),
        "hint_refresh": ("login", {"token": "{{refresh_token}}", "token_type_hint": "refresh_token", **A}, {}),
        "access_hint_refresh": ("login", {**about, "token_type_hint": "refresh_token", **A}, {}),
        "by_itself": ("login", about, {"authorization": "Bearer {{access_token}}"}),
        "by_another_token": (
            "two logins; afterwards the other",
            about,
            {"authorization": "Bearer {{access_token_other}}"},
        ),
        "public": ("login to app C, which is public; afterwards what lives", {**about, **C}, {}),
    }
    for name, (setup, members, headers) in introspections.items():
        yield ExtraCase(f"further.introspect_{name}", setup, form("/oauth/introspect", members, headers), "shim")
    said = {"authorization": "Bearer {{access_token}}"}
    for name, setup in (
        ("own", "login"),
        ("revoked", "login whose access token was revoked"),
        ("expired", "login whose access token has expired; afterwards what lives"),
        ("old", "the old pair of a refreshed login"),
        ("new", "the new pair of a refreshed login"),
    ):
        yield ExtraCase(f"further.token_info_{name}", setup, bare("GET", "/oauth/token/info", said), "shim")
        yield ExtraCase(f"further.me_{name}", setup, bare("GET", "/me", said), "shim")
    yield ExtraCase(
        "further.token_info_refresh_token",
        "login",
        bare("GET", "/oauth/token/info", {"authorization": "Bearer {{refresh_token}}"}),
        "shim",
    )
    yield ExtraCase("further.token_info_nobody", "nothing", bare("GET", "/oauth/token/info"), "shim")
    yield ExtraCase(
        "further.me_lower_case", "login", bare("GET", "/me", {"authorization": "bearer {{access_token}}"}), "shim"
    )
