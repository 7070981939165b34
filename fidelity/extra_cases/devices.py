"""Further cases of device codes, and of what is neither here nor there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fidelity.extra_cases.case import (
    GONE,
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
from fidelity.replay.http import JSON
from fidelity.replay.session import DEVICE_GRANT

if TYPE_CHECKING:
    from collections.abc import Iterator

POLL = {"code": "{{device_code}}", **TRUSTED}
NATIVE_POLL = {"grant_type": DEVICE_GRANT, "device_code": "{{device_code}}", "client_id": "{{client_id:trusted}}"}
STATES = {
    "pending": "device code",
    "slow_down": "device code, polled",
    "approved_slow_down": "device code, polled, then approved",
    "approved": "device code, approved",
    "used": "device code, used",
    "denied": "device code, denied",
    "denied_second_poll": "device code, denied, and the client has seen it",
    "expired": "device code, expired",
    "expired_second_poll": "device code, expired, and the client has seen it",
    "too_old": "device code, ten minutes old",
    "approved_expired": "device code, approved, then expired",
}


def device_cases() -> Iterator[ExtraCase]:
    """Give them."""
    code, token = "/api/auth/device/code", "/api/auth/device/token"
    client = {"client_id": "{{client_id:trusted}}"}
    asked: dict[str, Any] = {
        "happy": client,
        "with_scope": {**client, "scope": "public"},
        "public": {"client_id": "{{client_id:public}}"},
        "missing_client": {},
        "empty_client": {"client_id": ""},
        "unknown_client": {"client_id": "unknown"},
        "number_as_client": {"client_id": 5},
        "null_client": {"client_id": NULL},
        "with_challenge": {**client, "code_challenge": "c" * 43, "code_challenge_method": "S256"},
        "with_secret": TRUSTED,
    }
    for name, members in asked.items():
        yield ExtraCase(f"native.device.code.{name}", "nothing", posted(code, members))
        yield ExtraCase(f"shim.device.code.{name}", "nothing", posted("/oauth/device/code", members), "shim")
    for via, path in (("native", code), ("shim", "/oauth/device/code")):
        yield ExtraCase(f"{via}.device.code.form", "nothing", form(path, client), via)
        yield ExtraCase(f"{via}.device.code.empty_body", "nothing", raw(path, None, None), via)
        yield ExtraCase(f"{via}.device.code.GET", "nothing", bare("GET", path), via)
        yield ExtraCase(f"{via}.device.code.malformed", "nothing", raw(path, "{", JSON), via)
    for name, setup in STATES.items():
        yield ExtraCase(f"native.device.token.{name}", setup, posted(token, NATIVE_POLL))
        yield ExtraCase(f"shim.device.token.{name}", setup, posted("/oauth/device/token", POLL), "shim")
    yield ExtraCase(
        "native.device.token.of_trakts_path",
        "device code asked for at Trakt's path, approved",
        posted(token, NATIVE_POLL),
    )
    then = "device code; afterwards approved and polled"
    native: dict[str, Any] = {
        "missing_device_code": {"device_code": GONE},
        "missing_client": {"client_id": GONE},
        "unknown_client": {"client_id": "unknown"},
        "wrong_grant_type": {"grant_type": "authorization_code"},
        "other_client": {"client_id": "{{client_id:consent}}"},
        "empty_device_code": {"device_code": ""},
        "number_as_device_code": {"device_code": 5},
        "with_secret": {"client_secret": "wrong"},
        "everything_missing": {"grant_type": GONE, "device_code": GONE, "client_id": GONE},
    }
    for name, change in native.items():
        yield ExtraCase(f"native.device.token.{name}", then, posted(token, {**NATIVE_POLL, **change}))
    shim: dict[str, Any] = {
        "missing_code": {"code": GONE},
        "missing_client": {"client_id": GONE},
        "unknown_client": UNKNOWN_APP,
        "missing_secret": {"client_secret": GONE},
        "wrong_secret": {"client_secret": "wrong"},
        "other_client": OTHER,
        "empty_code": {"code": ""},
        "unknown_code_wrong_secret": {"code": "x" * 40, "client_secret": "wrong"},
        "public_polls_another_apps": PUBLIC,
        "missing_code_wrong_secret": {"code": GONE, "client_secret": "wrong"},
    }
    for name, change in shim.items():
        yield ExtraCase(f"shim.device.token.{name}", then, posted("/oauth/device/token", {**POLL, **change}), "shim")
    for via, path, members in (("native", token, NATIVE_POLL), ("shim", "/oauth/device/token", POLL)):
        yield ExtraCase(f"{via}.device.token.form", then, form(path, members), via)
        yield ExtraCase(f"{via}.device.token.GET", "nothing", bare("GET", path), via)
        yield ExtraCase(f"{via}.device.token.empty_body", "nothing", raw(path, None, None), via)
    happy = "device code, approved; afterwards what its tokens can"
    yield ExtraCase("shim.device.token.happy", happy, posted("/oauth/device/token", POLL), "shim")
    with_effects = "device code, approved; afterwards what its session token can"
    yield ExtraCase("native.device.token.happy", with_effects, posted(token, NATIVE_POLL))
    challenged = {"code": "{{device_code}}", "client_id": "{{client_id:trusted}}", "code_verifier": "w" * 43}
    setup = "device code with a challenge, approved"
    yield ExtraCase("shim.device.token.wrong_verifier", setup, posted("/oauth/device/token", challenged), "shim")
    with_secret = {**challenged, "client_secret": "{{client_secret:trusted}}"}
    yield ExtraCase(
        "shim.device.token.secret_and_wrong_verifier", setup, posted("/oauth/device/token", with_secret), "shim"
    )
    yield ExtraCase(
        "shim.device.token.used_wrong_secret",
        "device code, used",
        posted("/oauth/device/token", {**POLL, "client_secret": "x"}),
        "shim",
    )


def plain_cases() -> Iterator[ExtraCase]:
    """Give them."""
    for name in ("openid-configuration", "oauth-authorization-server"):
        path = f"/.well-known/{name}"
        yield ExtraCase(f"native.discovery.{name}.HEAD", "nothing", bare("HEAD", path))
        yield ExtraCase(f"native.discovery.{name}.POST", "nothing", bare("POST", path))
        yield ExtraCase(f"native.discovery.{name}.below", "nothing", bare("GET", f"{path}/api/auth"))
    yield ExtraCase(
        "native.discovery.native_path", "nothing", bare("GET", "/api/auth/.well-known/oauth-authorization-server")
    )
    yield ExtraCase("native.unknown_path", "nothing", bare("GET", "/api/auth/oauth2/nothing"))
    api = {"trakt-api-key": "{{client_id:trusted}}", "trakt-api-version": "2"}
    yield ExtraCase("shim.api.no_token", "nothing", bare("GET", "/users/settings", api), "shim")
    yield ExtraCase(
        "shim.api.bad_token", "nothing", bare("GET", "/users/settings", {**api, "authorization": "Bearer x"}), "shim"
    )
