"""`GET /openapi.json`: the protocol's addresses, as the profile in force serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.devices.polling import STATUSES, poll_as_trakt
from traktauth.server.doors import rfc
from traktauth.server.doors.trakt import read_device
from traktauth.server.metadata import WELL_KNOWN

if TYPE_CHECKING:
    from traktauth.server.doors.base import Endpoint
    from traktauth.server.profiles.base import Profile
    from traktauth.server.realm import Realm

TEXT: dict[str, Any] = {"type": "string"}
CLIENT = {"client_id": TEXT, "client_secret": TEXT}
TOKEN = {"token": TEXT, "token_type_hint": TEXT, **CLIENT}
# By the end of the address, the first that fits: what it is called, what its body says, and which statuses it answers
# with beside those of its checks.
KINDS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "api/auth/device/token": ("Poll for a session token", {"grant_type": TEXT, "device_code": TEXT,
                              "client_id": TEXT}, ()),
    "api/auth/device/code": ("Generate new device codes", {"client_id": TEXT, "scope": TEXT}, ()),
    "device/token": ("Poll for the access_token", {"code": TEXT, **CLIENT, "code_verifier": TEXT}, ()),
    "device/code": ("Generate new device codes", {"client_id": TEXT, "code_challenge": TEXT,
                    "code_challenge_method": TEXT}, ()),
    "token/info": ("Say what an access token is", {}, (401,)),
    "token": ("Exchange a code or a refresh_token for an access_token", {"grant_type": TEXT, "code": TEXT,
              "refresh_token": TEXT, "redirect_uri": TEXT, "code_verifier": TEXT, "scope": TEXT, **CLIENT}, (401,)),
    "revoke": ("Revoke an access_token", TOKEN, ()),
    "introspect": ("Say what a token is", TOKEN, (401,)),
    "userinfo": ("Say whose a token is", {}, (401, 403)),
}  # fmt: skip
BEHIND_TOKEN = ("token/info", "userinfo")
DONE_OR_WRONG = (200, 400)
MORE = (413, 429, 503)
"""What any of them may answer: too large, too often, the database is gone."""
OTHER_MEDIA = 415
# Trakt's API, as far as it is served: where, how, and the status of what was done.
API = (("/users/settings", "get", 200), ("/users/me", "get", 200), ("/sync/history", "post", 201))
ASKED = ("scope", "state", "code_challenge", "code_challenge_method", "prompt", "signup")
PAGE = (200, 302, 400, 413, 503)


def description(realm: Realm) -> dict[str, Any]:
    """Describe the protocol's addresses (OpenAPI 3.1)."""
    profile = realm.profile
    paths = {endpoint.path: operations(endpoint) for endpoint in profile.endpoints}
    for path in filter(None, ("/oauth/authorize", profile.native_authorize)):
        paths[path] = {"get": _authorize(profile)}
    for path, method, status in API:
        paths[path] = {method: _api(f"{method.upper()} {path}", status)}
    for path in WELL_KNOWN:
        paths[path] = {"get": _operation("Say what this server is", (200,))}
    if profile.native_authorize:
        paths["/api/auth/jwks"] = {"get": _operation("Give the keys that ID tokens are signed with", (200, 503))}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Local Trakt, profile {profile.name}", "version": profile.measured_on},
        "servers": [{"url": realm.terms.issuer}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def operations(endpoint: Endpoint) -> dict[str, Any]:
    """Describe one address by method."""
    kind = next(kind for kind in KINDS if endpoint.path.endswith(kind))
    title, members, beside = KINDS[kind]
    told = _operation(title, (*_statuses(endpoint), *beside, *MORE))
    if endpoint.media:
        schema = {"schema": {"type": "object", "properties": members}}
        told["requestBody"] = {"content": dict.fromkeys(endpoint.media, schema)}
    if kind in BEHIND_TOKEN:
        told["security"] = [{"token": []}]
    return {method.lower(): told for method in endpoint.methods}


def _statuses(endpoint: Endpoint) -> set[int]:
    """Give the statuses that follow from how an address reads and what it checks."""
    procedures = [*endpoint.grants.values(), *([endpoint.procedure] if endpoint.procedure else [])]
    found = {*DONE_OR_WRONG, *(check.status for procedure in procedures for check in procedure.checks)}
    if any(procedure.deed is poll_as_trakt for procedure in procedures):
        found |= set(STATUSES.values())
    if endpoint.refuse is rfc.refuse:
        found.add(401)  # for an app that is unknown, whatever its engine says
    if len(endpoint.media) == 1 and endpoint.read is not read_device:  # which takes another medium for an empty body
        found.add(OTHER_MEDIA)
    return found


def _authorize(profile: Profile) -> dict[str, Any]:
    """Describe where a browser is sent to ask for a code."""
    more = [*(["response_mode"] if profile.authorize.modes else []), *(["nonce"] if profile.native_authorize else [])]
    needed = [_parameter("query", name, required=True) for name in ("response_type", "client_id", "redirect_uri")]
    parameters = [*needed, *(_parameter("query", name, required=False) for name in (*ASKED, *more))]
    return _operation("Ask the person at the browser for a code", PAGE) | {"parameters": parameters}


def _api(title: str, status: int) -> dict[str, Any]:
    named = _parameter("header", "trakt-api-key", required=True)
    named["description"] = "The app's client id"
    return _operation(title, (status, 401, 403, *MORE)) | {"security": [{"token": []}], "parameters": [named]}


def _parameter(place: str, name: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": TEXT}


def _operation(title: str, statuses: tuple[int, ...]) -> dict[str, Any]:
    return {"summary": title, "responses": {str(status): {"description": ""} for status in sorted(set(statuses))}}
