"""Further cases of the authorization endpoint and the consent page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fidelity.extra_cases.case import CALLBACK, GONE, ExtraCase, bare, query_of
from fidelity.replay.session import NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = {
    "response_type": "code", "client_id": "{{client_id:trusted}}", "redirect_uri": CALLBACK,
    "scope": "public offline_access", "state": "xyz-123", "code_challenge": "{{code_challenge}}",
    "code_challenge_method": "S256",
}  # fmt: skip
NO_PKCE = {"code_challenge": GONE, "code_challenge_method": GONE}
CONSENT = {"client_id": "{{client_id:consent}}"}
CHALLENGED = "challenge"
AUTHORIZATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "no_state": (CHALLENGED, {"state": GONE}),
    "empty_state": (CHALLENGED, {"state": ""}),
    "state_long": (CHALLENGED, {"state": "s" * 2048}),
    "state_unicode": (CHALLENGED, {"state": "é 漢字 🙂 +%26"}),
    "missing_client_id": (CHALLENGED, {"client_id": GONE}),
    "empty_client_id": (CHALLENGED, {"client_id": ""}),
    "missing_redirect": (CHALLENGED, {"redirect_uri": GONE}),
    "empty_redirect": (CHALLENGED, {"redirect_uri": ""}),
    "redirect_other_case": (CHALLENGED, {"redirect_uri": "http://127.0.0.1:9876/Callback"}),
    "redirect_with_query": (CHALLENGED, {"redirect_uri": f"{CALLBACK}?x=1"}),
    "redirect_with_fragment": (CHALLENGED, {"redirect_uri": f"{CALLBACK}#x"}),
    "redirect_with_userinfo": (CHALLENGED, {"redirect_uri": "http://u@127.0.0.1:9876/callback"}),
    "redirect_https": (CHALLENGED, {"redirect_uri": "https://127.0.0.1:9876/callback"}),
    "redirect_ipv6": (CHALLENGED, {"redirect_uri": "http://[::1]:9876/callback"}),
    "redirect_no_port": (CHALLENGED, {"redirect_uri": "http://127.0.0.1/callback"}),
    "redirect_http_elsewhere": (CHALLENGED, {"redirect_uri": "http://example.com/cb"}),
    "redirect_javascript": (CHALLENGED, {"redirect_uri": "javascript:alert(1)"}),
    "redirect_private_scheme": (CHALLENGED, {"redirect_uri": "com.example.app:/cb"}),
    "redirect_no_address": (CHALLENGED, {"redirect_uri": "nonsense"}),
    "bad_redirect_unknown_client": (CHALLENGED, {"client_id": "unknown", "redirect_uri": "https://evil.example/"}),
    "missing_response_type": (CHALLENGED, {"response_type": GONE}),
    "empty_response_type": (CHALLENGED, {"response_type": ""}),
    "response_type_token": (CHALLENGED, {"response_type": "token"}),
    "scope_unknown": (CHALLENGED, {"scope": "public admin"}),
    "scope_unknown_two": (CHALLENGED, {"scope": "admin public root"}),
    "scope_empty": (CHALLENGED, {"scope": ""}),
    "scope_unknown_no_pkce": (CHALLENGED, {"scope": "admin", **NO_PKCE}),
    "no_pkce_no_scope": (CHALLENGED, {"scope": GONE, **NO_PKCE}),
    "no_pkce_required": (
        "challenge; the app has the user's consent for public and offline_access",
        {
            **CONSENT,
            **NO_PKCE,
            "scope": "public",
        },
    ),
    "no_pkce_required_offline": (
        "challenge; the app has the user's consent for public and offline_access",
        {**CONSENT, **NO_PKCE},
    ),
    "pkce_method_without_challenge": (CHALLENGED, {"code_challenge": GONE, "scope": "public"}),
    "pkce_challenge_without_method_public_scope": (CHALLENGED, {"code_challenge_method": GONE, "scope": "public"}),
    "pkce_method_unknown": (CHALLENGED, {"code_challenge_method": "S512"}),
    "pkce_method_lower": (CHALLENGED, {"code_challenge_method": "s256"}),
    "pkce_challenge_short": (CHALLENGED, {"code_challenge": "short"}),
    "prompt_none": (CHALLENGED, {"prompt": "none"}),
    "prompt_none_consent_required": ("challenge; the app's consent is withdrawn", {**CONSENT, "prompt": "none"}),
    "prompt_none_consented": (
        "challenge; the app has the user's consent for public and offline_access",
        {
            **CONSENT,
            "prompt": "none",
        },
    ),
    "prompt_consent": (CHALLENGED, {"prompt": "consent"}),
    "prompt_create": (CHALLENGED, {"prompt": "create"}),
    "prompt_select_account": (CHALLENGED, {"prompt": "select_account"}),
    "prompt_login_consent": (CHALLENGED, {"prompt": "login consent"}),
    "prompt_empty": (CHALLENGED, {"prompt": ""}),
    "consent_required": ("challenge; the app's consent is withdrawn", CONSENT),
    "consented": ("challenge; the app has the user's consent for public and offline_access", CONSENT),
    "consented_wider": (
        "challenge; the app has the user's consent for public and offline_access",
        {
            **CONSENT,
            "scope": "public offline_access email",
        },
    ),
    "consented_narrower": (
        "challenge; the app has the user's consent for public and offline_access",
        {
            **CONSENT,
            "scope": "public",
        },
    ),
    "client_disabled": ("challenge; the app is switched off", {}),
    "request_uri": (CHALLENGED, {"request_uri": "urn:x"}),
    "response_mode_fragment": (CHALLENGED, {"response_mode": "fragment"}),
    "nonce": (CHALLENGED, {"nonce": "n-0S6"}),
    "public": (CHALLENGED, {"client_id": "{{client_id:public}}"}),
    "signup_true": (CHALLENGED, {"signup": "true"}),
    "username": (CHALLENGED, {"username": "someone"}),
}


def authorize_cases() -> Iterator[ExtraCase]:
    """Give them."""
    path = f"{NATIVE}/authorize"
    browser = {"accept": "text/html", "cookie": "{{session_cookie}}"}
    for name, (setup, change) in AUTHORIZATIONS.items():
        request = bare("GET", query_of(path, {**ASKED, **change}), browser)
        yield ExtraCase(f"native.authorize.{name}", setup, request)
    out = {"accept": "text/html"}
    for name, change in (
        ("prompt_none_not_signed_in_no_pkce", {"prompt": "none", **NO_PKCE}),
        ("not_signed_in_bad_redirect", {"redirect_uri": "https://evil.example/cb"}),
        ("not_signed_in_bad_scope", {"scope": "admin"}),
        ("not_signed_in_prompt_create", {"prompt": "create"}),
    ):
        yield ExtraCase(f"native.authorize.{name}", CHALLENGED, bare("GET", query_of(path, {**ASKED, **change}), out))
    twice = query_of(path, ASKED) + "&client_id=another"
    yield ExtraCase("native.authorize.repeated_client_id", CHALLENGED, bare("GET", twice, browser))
    yield ExtraCase(
        "native.authorize.repeated_state", CHALLENGED, bare("GET", query_of(path, ASKED) + "&state=2", browser)
    )
    scripts = {"accept": "application/json", "cookie": "{{session_cookie}}"}
    for name, change in (
        ("json_bad_redirect", {"redirect_uri": "https://evil.example/cb"}),
        ("json_bad_scope", {"scope": "admin"}),
        ("json_unknown_client", {"client_id": "unknown"}),
    ):
        yield ExtraCase(
            f"native.authorize.{name}", CHALLENGED, bare("GET", query_of(path, {**ASKED, **change}), scripts)
        )
    yield ExtraCase(
        "native.authorize.json_not_signed_in",
        CHALLENGED,
        bare("GET", query_of(path, ASKED), {"accept": "application/json"}),
    )
    fetch = {"accept": "*/*", "sec-fetch-mode": "cors", "cookie": "{{session_cookie}}"}
    yield ExtraCase("native.authorize.fetch", CHALLENGED, bare("GET", query_of(path, ASKED), fetch))
    yield ExtraCase("native.authorize.POST", "nothing", bare("POST", path, out))
    for name, decision, change in (
        ("denied", "deny", {}),
        ("denied_no_state", "deny", {"state": GONE}),
        ("denied_unicode_state", "deny", {"state": "é +%26"}),
        ("approved", "approve", {}),
        ("denied_other_port", "deny", {"redirect_uri": "http://127.0.0.1:5/callback"}),
        ("denied_bad_scope", "deny", {"scope": "admin"}),
        ("approved_all_scopes", "approve", {"scope": GONE}),
    ):
        setup = "challenge; the app's consent is withdrawn"
        for via, at in (("native", path), ("shim", "/oauth/authorize")):
            request = bare("GET", query_of(at, {**ASKED, **CONSENT, **change}), browser)
            yield ExtraCase(f"{via}.consent.answer.{name}", setup, request, via, decision=decision)
