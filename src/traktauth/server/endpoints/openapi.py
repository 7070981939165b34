"""`GET /openapi.json`: the protocol's addresses, as the profile in force serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.doors.native import FORM
from traktauth.server.http.answers import JSON

if TYPE_CHECKING:
    from traktauth.server.doors.base import Endpoint
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
    "token/info": ("Say what an access token is", {}, (200, 401)),
    "token": ("Exchange a code or a refresh_token for an access_token", {"grant_type": TEXT, "code": TEXT,
              "refresh_token": TEXT, "redirect_uri": TEXT, "code_verifier": TEXT, "scope": TEXT, **CLIENT},
              (200, 400, 401)),
    "revoke": ("Revoke an access_token", TOKEN, (200, 400, 401, 403)),
    "introspect": ("Say what a token is", TOKEN, (200, 400, 401)),
    "userinfo": ("Say whose a token is", {}, (200, 400, 401, 403)),
}  # fmt: skip
MORE = (413, 415, 429, 503)
"""What any of them may answer: too large, another media type, too often, the database is gone."""


def description(realm: Realm) -> dict[str, Any]:
    """Describe the protocol's addresses (OpenAPI 3.1)."""
    paths = {endpoint.path: operations(endpoint) for endpoint in realm.profile.endpoints}
    for path, method in (("/users/settings", "get"), ("/users/me", "get"), ("/sync/history", "post")):
        paths[path] = {method: _operation(f"{method.upper()} {path}", {}, (200, 201, 401, 403, *MORE), secured=True)}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Local Trakt, profile {realm.profile.name}", "version": realm.profile.measured_on},
        "servers": [{"url": realm.terms.issuer}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def operations(endpoint: Endpoint) -> dict[str, Any]:
    """Describe one address by method."""
    kind = next(kind for kind in KINDS if endpoint.path.endswith(kind))
    title, members, statuses = KINDS[kind]
    secured = kind in ("token/info", "userinfo")
    described: dict[str, Any] = {}
    for method in endpoint.methods:
        described[method.lower()] = _operation(title, members, (*statuses, *MORE), secured=secured)
    return described


def _operation(title: str, members: dict[str, Any], statuses: tuple[int, ...], *, secured: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"summary": title, "responses": {str(status): {"description": ""} for status in statuses}}
    if members:
        schema = {"schema": {"type": "object", "properties": members}}
        told["requestBody"] = {"content": {JSON: schema, FORM: schema}}
    if secured:
        told["security"] = [{"token": []}]
    return told
