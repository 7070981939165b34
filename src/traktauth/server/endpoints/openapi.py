"""`GET /openapi.json`: the protocol's addresses, as the profile in force serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.metadata import WELL_KNOWN

if TYPE_CHECKING:
    from traktauth.server.doors.base import Endpoint
    from traktauth.server.profiles.base import Profile
    from traktauth.server.realm import Realm

TEXT: dict[str, Any] = {"type": "string"}
CLIENT = {"client_id": TEXT, "client_secret": TEXT}
TOKEN = {"token": TEXT, "token_type_hint": TEXT, **CLIENT}
# By the end of the address: what it is called, what its body says, which statuses it answers with.
KINDS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "device/token": ("Poll for the access_token", {"code": TEXT, "device_code": TEXT, "grant_type": TEXT, **CLIENT,
                     "code_verifier": TEXT}, (200, 400, 401, 404, 409, 410, 418, 429)),
    "device/code": ("Generate new device codes", {"client_id": TEXT, "scope": TEXT, "code_challenge": TEXT,
                    "code_challenge_method": TEXT}, (200, 400, 401)),
    "token/info": ("Say what an access token is", {}, (200, 400, 401)),
    "token": ("Exchange a code or a refresh_token for an access_token", {"grant_type": TEXT, "code": TEXT,
              "refresh_token": TEXT, "redirect_uri": TEXT, "code_verifier": TEXT, "scope": TEXT, **CLIENT},
              (200, 400, 401)),
    "revoke": ("Revoke an access_token", TOKEN, (200, 400, 401, 403)),
    "introspect": ("Say what a token is", TOKEN, (200, 400, 401)),
    "userinfo": ("Say whose a token is", {}, (200, 400, 401, 403)),
}  # fmt: skip
BEHIND_TOKEN = ("token/info", "userinfo")
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
    title, members, statuses = KINDS[kind]
    only = (OTHER_MEDIA,) if len(endpoint.media) == 1 else ()
    told = _operation(title, (*statuses, *only, *MORE))
    if endpoint.media:
        schema = {"schema": {"type": "object", "properties": members}}
        told["requestBody"] = {"content": dict.fromkeys(endpoint.media, schema)}
    if kind in BEHIND_TOKEN:
        told["security"] = [{"token": []}]
    return {method.lower(): told for method in endpoint.methods}


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
    return {"summary": title, "responses": {str(status): {"description": ""} for status in statuses}}
