"""Further cases about tokens: revocation, introspection, user information."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fidelity.extra_cases.case import (
    BASIC,
    GONE,
    NOBODY,
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
from fidelity.extra_cases.tokens import FOUR
from fidelity.replay.http import JSON
from fidelity.replay.session import NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

LIVES = "login; afterwards what lives"
REVOCATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "access_token": ("login; afterwards whether it can be refreshed", {"token": "{{access_token}}"}),
    "access_token_hint": (
        "login; afterwards whether it can be refreshed",
        {
            "token": "{{access_token}}",
            "token_type_hint": "access_token",
        },
    ),
    "access_token_expired": ("login whose access token has expired; afterwards its refresh token", {}),
    "access_token_again": ("login whose access token was revoked", {}),
    "access_token_from_before": ("refreshed login; afterwards what lives", {"token": "{{access_token}}"}),
    "access_token_bearer": (LIVES, {"token": "Bearer {{access_token}}"}),
    "refresh_token_wrong_hint": (LIVES, {"token": "{{refresh_token}}", "token_type_hint": "access_token"}),
    "unknown_hint": (LIVES, {"token": "{{access_token}}", "token_type_hint": "id_token"}),
    "empty_hint": (LIVES, {"token": "{{access_token}}", "token_type_hint": ""}),
    "empty_token": (LIVES, {"token": ""}),
    "unknown_refresh_hint": ("nothing", {"token": "x" * 32, "token_type_hint": "refresh_token"}),
    "wrong_field": (LIVES, {"token": GONE, "access_token": "{{access_token}}"}),
    "missing_secret": (LIVES, {"client_secret": GONE}),
    "empty_secret": (LIVES, {"client_secret": ""}),
    "missing_client": (LIVES, NOBODY),
    "missing_client_id": (LIVES, {"client_id": GONE}),
    "unknown_client": (LIVES, UNKNOWN_APP),
    "unknown_token_wrong_secret": ("nothing", {"token": "x" * 32, "client_secret": "wrong"}),
    "by_public_client": (LIVES, PUBLIC),
    "refresh_by_public_client": (LIVES, {"token": "{{refresh_token}}", **PUBLIC}),
    "public_client.access": ("login to a public app; afterwards what lives", PUBLIC),
    "public_client.refresh": ("login to a public app; afterwards what lives", {"token": "{{refresh_token}}", **PUBLIC}),
    "public_client.secret": ("login to a public app; afterwards what lives", {**PUBLIC, "client_secret": "x"}),
    "client_disabled": ("login to an app that is then switched off", OTHER),
    "rotated_refresh_token": (FOUR, {"token": "{{refresh_token_previous}}"}),
    "rotated_refresh_token_hint": (
        FOUR,
        {
            "token": "{{refresh_token_previous}}",
            "token_type_hint": "refresh_token",
        },
    ),
    "rotated_refresh_token_wrong_secret": (FOUR, {"token": "{{refresh_token_previous}}", "client_secret": "wrong"}),
    "rotated_refresh_token_by_other_client": (FOUR, {"token": "{{refresh_token_previous}}", **OTHER}),
    "revoked_refresh_token_again": (
        "login whose refresh token was revoked, and a second device; afterwards the second",
        {"token": "{{refresh_token}}"},
    ),
    "refresh_token_expired": ("login whose refresh token has expired", {"token": "{{refresh_token}}"}),
    "refresh_token_second_device": (FOUR, {"token": "{{refresh_token_second_device}}"}),
}
INTROSPECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "access_hint": ("two logins, one for openid", {"token_type_hint": "access_token"}),
    "refresh_hint": ("two logins, one for openid", {"token": "{{refresh_token}}", "token_type_hint": "refresh_token"}),
    "refresh_wrong_hint": (
        "two logins, one for openid",
        {"token": "{{refresh_token}}", "token_type_hint": "access_token"},
    ),
    "access_wrong_hint": ("two logins, one for openid", {"token_type_hint": "refresh_token"}),
    "unknown_hint": ("two logins, one for openid", {"token_type_hint": "id_token"}),
    "unknown_access_hint": ("nothing", {"token": "x" * 32, "token_type_hint": "access_token"}),
    "unknown_refresh_hint": ("nothing", {"token": "x" * 32, "token_type_hint": "refresh_token"}),
    "expired": ("login whose access token has expired; afterwards its refresh token", {}),
    "refresh_expired": ("login whose refresh token has expired", {"token": "{{refresh_token}}"}),
    "revoked_access": ("login whose access token was revoked", {}),
    "revoked_refresh": (
        "login whose refresh token was revoked, and a second device; afterwards the second",
        {"token": "{{refresh_token}}"},
    ),
    "by_other_client": ("two logins, one for openid", OTHER),
    "refresh_by_other_client": ("two logins, one for openid", {"token": "{{refresh_token}}", **OTHER}),
    "by_public_client": ("two logins, one for openid", PUBLIC),
    "wrong_secret": ("two logins, one for openid", {"client_secret": "wrong"}),
    "unknown_client": ("two logins, one for openid", UNKNOWN_APP),
    "missing_client": ("two logins, one for openid", NOBODY),
    "missing_token": ("nothing", {"token": GONE}),
    "empty_token": ("nothing", {"token": ""}),
    "bearer": ("two logins, one for openid", {"token": "Bearer {{access_token}}"}),
    "rotated_refresh": (FOUR, {"token": "{{refresh_token_previous}}"}),
    "after_signout": ("login, then signed out", {}),
    "after_another_session": ("login, then signed out and in again", {}),
    "client_disabled": ("login to an app that is then switched off", OTHER),
}


def cases_about_tokens() -> Iterator[ExtraCase]:
    """Give them."""
    revoke = {"native": (f"{NATIVE}/revoke", form), "shim": ("/oauth/revoke", posted)}
    for via, (path, write) in revoke.items():
        for name, (setup, change) in REVOCATIONS.items():
            members = {"token": "{{access_token}}", **TRUSTED, **change}
            yield ExtraCase(f"{via}.revoke.{name}", setup, write(path, members), via)
    yield ExtraCase("native.revoke.http_basic", LIVES, form(revoke["native"][0], {"token": "{{access_token}}"}, BASIC))
    yield ExtraCase(
        "shim.revoke.http_basic", LIVES, posted("/oauth/revoke", {"token": "{{access_token}}"}, BASIC), "shim"
    )
    yield ExtraCase("shim.revoke.form", LIVES, form("/oauth/revoke", {"token": "{{access_token}}", **TRUSTED}), "shim")
    yield ExtraCase("native.revoke.json", LIVES, posted(revoke["native"][0], {"token": "{{access_token}}", **TRUSTED}))
    yield ExtraCase("native.revoke.GET", "nothing", bare("GET", revoke["native"][0]))
    yield ExtraCase("shim.revoke.GET", "nothing", bare("GET", "/oauth/revoke"), "shim")
    yield ExtraCase("native.revoke.empty_body", "nothing", raw(revoke["native"][0], ""))
    yield ExtraCase("shim.revoke.empty_body", "nothing", raw("/oauth/revoke", "{}", JSON), "shim")
    for via, path in (("native", f"{NATIVE}/introspect"), ("shim", "/oauth/introspect")):
        for name, (setup, change) in INTROSPECTIONS.items():
            members = {"token": "{{access_token}}", **TRUSTED, **change}
            yield ExtraCase(f"{via}.introspect.{name}", setup, form(path, members), via)
        yield ExtraCase(f"{via}.introspect.http_basic", "login", form(path, {"token": "{{access_token}}"}, BASIC), via)
        yield ExtraCase(f"{via}.introspect.json", "login", posted(path, {"token": "{{access_token}}", **TRUSTED}), via)
    for via, path in (("native", f"{NATIVE}/userinfo"), ("shim", "/oauth/userinfo")):
        said = {"authorization": "Bearer {{access_token}}"}
        yield ExtraCase(f"{via}.userinfo.openid", "login for openid", bare("GET", path, said), via)
        yield ExtraCase(f"{via}.userinfo.without_openid", "login", bare("GET", path, said), via)
        yield ExtraCase(
            f"{via}.userinfo.no_scheme",
            "login for openid",
            bare("GET", path, {"authorization": "{{access_token}}"}),
            via,
        )
        yield ExtraCase(f"{via}.userinfo.no_token", "nothing", bare("GET", path), via)
        yield ExtraCase(f"{via}.userinfo.unknown", "nothing", bare("GET", path, {"authorization": "Bearer x"}), via)
        yield ExtraCase(
            f"{via}.userinfo.expired", "login for openid whose access token has expired", bare("GET", path, said), via
        )
        yield ExtraCase(
            f"{via}.userinfo.refresh_token",
            "login for openid",
            bare("GET", path, {"authorization": "Bearer {{refresh_token}}"}),
            via,
        )
        yield ExtraCase(f"{via}.userinfo.revoked", "login whose access token was revoked", bare("GET", path, said), via)
        yield ExtraCase(
            f"{via}.userinfo.client_disabled",
            "login to an app that is then switched off",
            bare("GET", path, said),
            via,
        )
        yield ExtraCase(f"{via}.userinfo.POST", "login for openid", bare("POST", path, said), via)
