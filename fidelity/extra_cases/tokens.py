"""Further cases of the token endpoint: exchanges, refreshes, other grants."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fidelity.extra_cases.case import (
    BASIC,
    CALLBACK,
    GONE,
    NOBODY,
    NULL,
    OTHER,
    PUBLIC,
    TRUSTED,
    UNKNOWN_APP,
    ExtraCase,
    bare,
    form,
    posted,
    raw,
)
from fidelity.replay.http import FORM, JSON
from fidelity.replay.session import DEVICE_GRANT, NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

DOORS = {"native": (f"{NATIVE}/token", form), "shim": ("/oauth/token", posted)}
RIGHT_EXCHANGE = {
    "grant_type": "authorization_code", "code": "{{code}}", "redirect_uri": CALLBACK, **TRUSTED,
    "code_verifier": "{{code_verifier}}",
}  # fmt: skip
RIGHT_REFRESH = {"grant_type": "refresh_token", "refresh_token": "{{refresh_token_1}}", **TRUSTED}
THEN = "code; afterwards the right exchange"
EXCHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "happy.confidential_pkce": ("code", {}),
    "happy.all_scopes": ("code for the client's every scope", {}),
    "happy.profile_email": ("code for profile and email", {}),
    "happy.without_offline_access": ("code for public alone, with a challenge", {}),
    "no_scope_at_all": ("code for no scope at all", {}),
    "just_in_time": ("code, just before its end", {}),
    "just_too_late": ("code, just after its end", {}),
    "wrong": ("nothing", {"code": "x" * 32}),
    "wrong_without_secret": ("nothing", {"code": "x" * 32, "client_secret": GONE}),
    "empty": (THEN, {"code": ""}),
    "blank": (THEN, {"code": " "}),
    "missing_client_id": (THEN, {"client_id": GONE}),
    "empty_client_id": (THEN, {"client_id": ""}),
    "missing_client_id_and_secret": (THEN, NOBODY),
    "missing_redirect_uri_and_code": (THEN, {"redirect_uri": GONE, "code": GONE}),
    "empty_redirect_uri": (THEN, {"redirect_uri": ""}),
    "redirect_uri_no_address": (THEN, {"redirect_uri": "nonsense"}),
    "redirect_uri_with_fragment": (THEN, {"redirect_uri": f"{CALLBACK}#x"}),
    "redirect_uri_http_elsewhere": (THEN, {"redirect_uri": "http://example.com/cb"}),
    "redirect_uri_javascript": (THEN, {"redirect_uri": "javascript:alert(1)"}),
    "redirect_uri_private_scheme": (THEN, {"redirect_uri": "com.example.app:/cb"}),
    "wrong_redirect_uri": (THEN, {"redirect_uri": f"{CALLBACK}/other"}),
    "redirect_uri_other_port": (THEN, {"redirect_uri": "http://127.0.0.1:50123/callback"}),
    "redirect_uri_trailing_slash": (THEN, {"redirect_uri": f"{CALLBACK}/"}),
    "redirect_uri_other_registered": (THEN, {"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}),
    "no_secret_no_verifier": (THEN, {"client_secret": GONE, "code_verifier": GONE}),
    "empty_secret": (THEN, {"client_secret": ""}),
    "wrong_secret_and_verifier": (THEN, {"client_secret": "wrong", "code_verifier": "w" * 43}),
    "wrong_secret_of_unknown_code": ("nothing", {"code": "x" * 32, "client_secret": "wrong"}),
    "unknown_client": (THEN, UNKNOWN_APP),
    "of_other_client_wrong_secret": (THEN, {**OTHER, "client_secret": "wrong"}),
    "of_public_client": (THEN, PUBLIC),
    "client_disabled": ("code for an app that is then switched off; afterwards on again", OTHER),
    "session_gone": ("code, then signed out", {}),
    "session_gone_another_begun": ("code, then signed out and in again", {}),
    "secret_sent_by_public_client": (
        "code for a public app; afterwards the right exchange",
        {**PUBLIC, "client_secret": "anything"},
    ),
    "public_without_verifier": (
        "code for a public app; afterwards the right exchange",
        {**PUBLIC, "code_verifier": GONE},
    ),
    "public_wrong_verifier": (
        "code for a public app; afterwards the right exchange",
        {**PUBLIC, "code_verifier": "w" * 43},
    ),
    "with_scope": ("code", {"scope": "public"}),
    "with_resource_unknown": (THEN, {"resource": "https://elsewhere.example"}),
    "with_resource_empty": (THEN, {"resource": ""}),
    "with_resource_known": ("code", {"resource": "{{base}}/api/auth"}),
    "with_refresh_token_too": ("code", {"refresh_token": "x"}),
}
VERIFIERS: dict[str, tuple[str, dict[str, Any]]] = {
    "missing_verifier": (THEN, {"code_verifier": GONE}),
    "empty_verifier": (THEN, {"code_verifier": ""}),
    "blank_verifier": (THEN, {"code_verifier": " "}),
    "short_verifier": (THEN, {"code_verifier": "short"}),
    "long_verifier": (THEN, {"code_verifier": "v" * 129}),
    "challenge_as_verifier": (THEN, {"code_verifier": "{{code_challenge}}"}),
    "verifier_without_challenge": ("code without a challenge; afterwards the right exchange", {}),
}
RIGHT = "login; afterwards the right refresh"
UNHARMED = "login; afterwards the tokens unharmed"
FOUR = "four logins, one of them refreshed twice; afterwards who lives"
REFRESHES: dict[str, tuple[str, dict[str, Any]]] = {
    "happy.with_redirect_uri": ("login", {"redirect_uri": CALLBACK}),
    "happy.with_wrong_redirect_uri": ("login", {"redirect_uri": "https://elsewhere.example/cb"}),
    "happy.with_code_too": ("login", {"code": "x"}),
    "happy.public_client": ("login to a public app", PUBLIC),
    "happy.openid": ("login for openid", {}),
    "happy.after_eight_days": ("login, 8 days ago; afterwards its access token", {}),
    "redirect_uri_no_address": (UNHARMED, {"redirect_uri": "nonsense"}),
    "too_old": ("login, 31 days ago", {}),
    "confidential_without_secret": ("login; afterwards whether its refresh token is active", {"client_secret": GONE}),
    "empty_secret": (UNHARMED, {"client_secret": ""}),
    "secret_sent_by_public_client": (
        "login to a public app; afterwards the right refresh",
        {**PUBLIC, "client_secret": "anything"},
    ),
    "missing_client_id": (UNHARMED, {"client_id": GONE}),
    "missing_client_id_and_secret": (UNHARMED, NOBODY),
    "empty_token": (UNHARMED, {"refresh_token": ""}),
    "blank_token": (UNHARMED, {"refresh_token": " "}),
    "unknown_token": ("nothing", {"refresh_token": "x" * 32}),
    "unknown_token_unknown_client": ("nothing", {"refresh_token": "x" * 32, **UNKNOWN_APP}),
    "unknown_token_wrong_secret": ("nothing", {"refresh_token": "x" * 32, "client_secret": "wrong"}),
    "with_access_token": ("login", {"refresh_token": "{{access_token_1}}"}),
    "by_other_client": (UNHARMED, OTHER),
    "by_other_client_wrong_secret": (UNHARMED, {**OTHER, "client_secret": "wrong"}),
    "by_public_client": (UNHARMED, PUBLIC),
    "unknown_client": (UNHARMED, UNKNOWN_APP),
    "scope_same": ("login", {"scope": "public offline_access"}),
    "scope_narrow": ("login", {"scope": "public"}),
    "scope_same_reordered": ("login", {"scope": "offline_access public"}),
    "scope_twice_the_same": ("login", {"scope": "public public"}),
    "scope_two_blanks": (UNHARMED, {"scope": "public  offline_access"}),
    "scope_only_offline_access": ("login", {"scope": "offline_access"}),
    "scope_widen": (UNHARMED, {"scope": "public offline_access openid"}),
    "scope_widen_unknown": (UNHARMED, {"scope": "admin"}),
    "scope_widen_wrong_secret": (UNHARMED, {"scope": "admin", "client_secret": "wrong"}),
    "scope_empty": (UNHARMED, {"scope": ""}),
    "scope_widen_after_narrow": (
        "login, narrowed by a refresh",
        {
            "refresh_token": "{{refresh_token_2}}",
            "scope": "public offline_access",
        },
    ),
    "client_disabled": ("login to an app that is then switched off", OTHER),
    "after_signout": ("login, then signed out", {}),
    "after_consent_withdrawn": ("login to an app whose consent is then withdrawn", OTHER),
    "access_token_expired": ("login whose access token has expired; afterwards its refresh token", {}),
    "access_token_revoked": ("login whose access token was revoked", {}),
    "revoked": ("login whose refresh token was revoked, and a second device; afterwards the second", {}),
    "revoked_without_secret": (
        "login whose refresh token was revoked, and a second device; afterwards the second",
        {"client_secret": GONE},
    ),
    "replay_rotated": (FOUR, {"refresh_token": "{{refresh_token_previous}}"}),
    "replay_rotated_older": (FOUR, {"refresh_token": "{{refresh_token_rotated_twice_ago}}"}),
    "replay_rotated_without_secret": (FOUR, {"refresh_token": "{{refresh_token_previous}}", "client_secret": GONE}),
    "replay_rotated_wrong_secret": (FOUR, {"refresh_token": "{{refresh_token_previous}}", "client_secret": "wrong"}),
    "replay_rotated_by_other_client": (FOUR, {"refresh_token": "{{refresh_token_previous}}", **OTHER}),
    "replay_rotated_without_client": (FOUR, {"refresh_token": "{{refresh_token_previous}}", **NOBODY}),
    "replay_rotated_scope_widen": (FOUR, {"refresh_token": "{{refresh_token_previous}}", "scope": "admin"}),
    "newest_after_nothing": (FOUR, {"refresh_token": "{{refresh_token_3}}"}),
    "with_resource_unknown": (UNHARMED, {"resource": "https://elsewhere.example"}),
    "with_resource_empty": (UNHARMED, {"resource": ""}),
}


def token_cases() -> Iterator[ExtraCase]:
    """Give them."""
    for via, (path, write) in DOORS.items():
        rules = [
            ("code", RIGHT_EXCHANGE, EXCHANGES),
            ("pkce", RIGHT_EXCHANGE, VERIFIERS),
            ("refresh", RIGHT_REFRESH, REFRESHES),
        ]
        for kind, right, changes in rules:
            for name, (setup, change) in changes.items():
                yield ExtraCase(f"{via}.{kind}.{name}", setup, write(path, {**right, **change}), via)
        for name, grant in (
            ("missing", GONE),
            ("empty", ""),
            ("unsupported.password", "password"),
            ("unknown", "x"),
            ("unsupported.device_code", DEVICE_GRANT),
            ("capital", "Refresh_Token"),
        ):
            yield ExtraCase(f"{via}.grant.{name}", "login", write(path, {**RIGHT_REFRESH, "grant_type": grant}), via)
        yield ExtraCase(f"{via}.grant.empty_body", "nothing", write(path, {}), via)
        yield ExtraCase(
            f"{via}.grant.only_grant_type.code", "nothing", write(path, {"grant_type": "authorization_code"}), via
        )
        yield ExtraCase(
            f"{via}.grant.only_grant_type.refresh", "nothing", write(path, {"grant_type": "refresh_token"}), via
        )
        itself = {"grant_type": "client_credentials", **TRUSTED}
        for name, change in (
            ("wrong_secret", {"client_secret": "wrong"}),
            ("without_secret", {"client_secret": GONE}),
            ("without_client", NOBODY),
            ("unknown_client", UNKNOWN_APP),
            ("scope", {"scope": "public"}),
            ("public", {**PUBLIC}),
            ("public_with_secret", {**PUBLIC, "client_secret": "x"}),
        ):
            yield ExtraCase(f"{via}.grant.client_credentials.{name}", "nothing", write(path, {**itself, **change}), via)
    native, shim = DOORS["native"][0], DOORS["shim"][0]
    basic = {**RIGHT_EXCHANGE, **NOBODY}
    yield ExtraCase("native.refresh.http_basic", "login", form(native, {**RIGHT_REFRESH, **NOBODY}, BASIC))
    yield ExtraCase("shim.refresh.http_basic", UNHARMED, posted(shim, {**RIGHT_REFRESH, **NOBODY}, BASIC), "shim")
    yield ExtraCase(
        "native.code.http_basic_wrong", THEN, form(native, basic, {"authorization": "Basic dHJ1c3RlZDp3cm9uZw=="})
    )
    yield ExtraCase(
        "native.code.http_basic_without_colon", THEN, form(native, basic, {"authorization": "Basic bm9jb2xvbg=="})
    )
    yield ExtraCase(
        "native.code.http_basic_empty_secret", THEN, form(native, basic, {"authorization": "Basic dHJ1c3RlZDo="})
    )
    yield ExtraCase(
        "native.code.http_basic_other_scheme_case", THEN, form(native, basic, {"authorization": "basic dHJ1c3RlZDo="})
    )
    yield ExtraCase("native.code.stale_bearer", "code", form(native, RIGHT_EXCHANGE, {"authorization": "Bearer stale"}))
    yield ExtraCase(
        "shim.code.stale_bearer", "code", posted(shim, RIGHT_EXCHANGE, {"authorization": "Bearer stale"}), "shim"
    )
    yield ExtraCase("shim.code.form", "code", form(shim, RIGHT_EXCHANGE), "shim")
    yield ExtraCase("shim.refresh.form", "login", form(shim, RIGHT_REFRESH), "shim")
    yield ExtraCase("shim.refresh.doubled_slash", "login", posted("//oauth/token", RIGHT_REFRESH), "shim")
    public = {**RIGHT_REFRESH, **PUBLIC, "client_secret": NULL}
    yield ExtraCase("shim.refresh.public_secret_null", "login to a public app", posted(shim, public), "shim")
    for name, body in (
        ("array", "[]"),
        ("null", "null"),
        ("string", '"x"'),
        ("number", "1"),
        ("malformed", "{"),
        ("deep", "[" * 90 + "]" * 90),
    ):
        yield ExtraCase(f"shim.token.json_{name}", "nothing", raw(shim, body, JSON), "shim")
    number = json.dumps({**RIGHT_EXCHANGE, "code": 12345})
    yield ExtraCase("shim.token.json_number_as_code", "nothing", raw(shim, number, JSON), "shim")
    yield ExtraCase(
        "shim.token.json_charset",
        "login",
        posted(shim, RIGHT_REFRESH, {"content-type": f"{JSON}; charset=utf-8"}),
        "shim",
    )
    yield ExtraCase("shim.token.text_plain", "login", raw(shim, json.dumps(RIGHT_REFRESH), "text/plain"), "shim")
    yield ExtraCase(
        "native.token.form_charset", "login", form(native, RIGHT_REFRESH, {"content-type": f"{FORM}; charset=utf-8"})
    )
    yield ExtraCase("native.token.text_plain", "nothing", raw(native, "grant_type=refresh_token", "text/plain"))
    yield ExtraCase(
        "native.token.bad_percent", "nothing", raw(native, "grant_type=refresh_token&refresh_token=%zz&client_id=x")
    )
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        yield ExtraCase(f"native.token.{method}", "nothing", bare(method, native))
        yield ExtraCase(f"shim.token.{method}", "nothing", bare(method, shim), "shim")
    yield ExtraCase("shim.token.GET", "nothing", bare("GET", shim), "shim")
