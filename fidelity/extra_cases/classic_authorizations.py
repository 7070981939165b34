"""Further cases of Doorkeeper's authorization endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fidelity.extra_cases.case import GONE, ExtraCase, bare, query_of
from fidelity.extra_cases.classic import BACK
from fidelity.setups.classic import CHALLENGE, VERIFIER

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED_A = {"response_type": "code", "client_id": "{{client_id:A}}", "redirect_uri": BACK, "state": "s"}
AUTHORIZATIONS_A: dict[str, dict[str, Any]] = {
    "happy": {},
    "no_state": {"state": GONE},
    "empty_state": {"state": ""},
    "long_state": {"state": "s" * 2000},
    "unicode_state": {"state": "é 漢 +%26"},
    "missing_client": {"client_id": GONE},
    "empty_client": {"client_id": ""},
    "redirect_trailing_slash": {"redirect_uri": f"{BACK}/"},
    "redirect_other_case": {"redirect_uri": "http://127.0.0.1:9999/Callback"},
    "redirect_other_port": {"redirect_uri": "http://127.0.0.1:5/callback"},
    "redirect_other": {"redirect_uri": "http://127.0.0.1:9999/other"},
    "redirect_localhost": {"redirect_uri": "http://localhost:9999/callback"},
    "redirect_query": {"redirect_uri": f"{BACK}?x=1"},
    "redirect_fragment": {"redirect_uri": f"{BACK}#x"},
    "redirect_userinfo": {"redirect_uri": "http://u@127.0.0.1:9999/callback"},
    "redirect_https": {"redirect_uri": "https://127.0.0.1:9999/callback"},
    "redirect_nonsense": {"redirect_uri": "nonsense"},
    "redirect_of_another_app": {"redirect_uri": "http://127.0.0.1:9998/callback"},
    "response_type_empty": {"response_type": ""},
    "response_type_unknown": {"response_type": "x"},
    "scope_unknown": {"scope": "admin"},
    "scope_two": {"scope": "public admin"},
    "scope_empty": {"scope": ""},
    "mode_query": {"response_mode": "query"},
    "mode_form_post": {"response_mode": "form_post"},
    "mode_empty": {"response_mode": ""},
    "pkce_s256": {"code_challenge": CHALLENGE, "code_challenge_method": "S256"},
    "pkce_plain": {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
    "pkce_unknown": {"code_challenge": CHALLENGE, "code_challenge_method": "S512"},
    "pkce_lower": {"code_challenge": CHALLENGE, "code_challenge_method": "s256"},
    "pkce_method_alone": {"code_challenge_method": "S256"},
    "public": {"client_id": "{{client_id:C}}", "redirect_uri": "http://127.0.0.1:9997/callback"},
    "signup": {"signup": "true"},
    "extra": {"username": "x", "foo": "bar"},
}


def classic_authorizations() -> Iterator[ExtraCase]:
    """Give them."""
    for name, change in AUTHORIZATIONS_A.items():
        yield ExtraCase(
            f"further.authorize_{name}",
            "nothing",
            bare("GET", query_of("/oauth/authorize", {**ASKED_A, **change})),
            "shim",
        )
    for name, change in (
        ("deny", {}),
        ("deny_no_state", {"state": GONE}),
        ("deny_unknown_client", {"client_id": "x" * 64}),
        ("deny_other_port", {"redirect_uri": "http://127.0.0.1:5/callback"}),
        ("deny_bad_redirect", {"redirect_uri": "http://evil.example/cb"}),
        ("deny_bad_scope", {"scope": "admin"}),
        ("deny_bad_response_type", {"response_type": "x"}),
    ):
        request = bare("DELETE", query_of("/oauth/authorize", {**ASKED_A, **change}))
        yield ExtraCase(f"further.authorize_{name}", "nothing", request, "shim", "ui")
