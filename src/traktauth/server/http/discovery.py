"""What the server says of itself: metadata (RFC 8414 section 3), OpenAPI, keys, health and counters."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from traktauth.server.engines.base import WELL_KNOWN, Endpoint, EndpointKind, Profile
from traktauth.server.errors import StorageUnavailable
from traktauth.server.http.context import ServerContext
from traktauth.server.messages import METHODS, json_response
from traktauth.server.oauth.id_token import published_keys

TEXT: dict[str, Any] = {"type": "string"}
CLIENT = {"client_id": TEXT, "client_secret": TEXT}
TOKEN = {"token": TEXT, "token_type_hint": TEXT, **CLIENT}
POLL: dict[str, Any] = {"code": TEXT, **CLIENT, "code_verifier": TEXT}
EXCHANGE: dict[str, Any] = {
    "grant_type": TEXT, "code": TEXT, "refresh_token": TEXT, "redirect_uri": TEXT, "code_verifier": TEXT, "scope": TEXT,
    **CLIENT,
}  # fmt: skip
DEVICE: dict[str, Any] = {"client_id": TEXT, "code_challenge": TEXT, "code_challenge_method": TEXT}
NATIVE_POLL: dict[str, Any] = {"grant_type": TEXT, "device_code": TEXT, "client_id": TEXT}
# The title and the body's members, and the statuses of the response beside those of the checks.
OPERATIONS: dict[EndpointKind, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    EndpointKind.TOKEN: ("Exchange a code or a refresh_token for an access_token", EXCHANGE, (401,)),
    EndpointKind.REVOCATION: ("Revoke an access_token", TOKEN, ()),
    EndpointKind.INTROSPECTION: ("Introspect a token", TOKEN, (401,)),
    EndpointKind.USER_INFO: ("Get the user of a token", {}, (401, 403)),
    EndpointKind.TOKEN_INFO: ("Get information about an access token", {}, (401,)),
    EndpointKind.DEVICE_AUTHORIZATION: ("Generate new device codes", DEVICE, ()),
    EndpointKind.DEVICE_TOKEN: ("Poll for the access_token", POLL, ()),
    EndpointKind.NATIVE_DEVICE_AUTHORIZATION: ("Generate new device codes", {"client_id": TEXT, "scope": TEXT}, ()),
    EndpointKind.NATIVE_DEVICE_TOKEN: ("Poll for a session token", NATIVE_POLL, ()),
}
BEHIND_TOKEN = (EndpointKind.TOKEN_INFO, EndpointKind.USER_INFO)
DONE_OR_WRONG = (200, 400)
MORE = (413, 429, 503)
"""Statuses of any endpoint: request too large, rate limit, database unavailable."""
# The part of Trakt's API that is served: path, method, status.
API = (
    ("/users/settings", "get", 200),
    ("/users/me", "get", 200),
    ("/sync/history", "get", 200),
    ("/sync/history", "post", 201),
)
ASKED = ("scope", "state", "code_challenge", "code_challenge_method", "prompt", "signup")
PAGE = (200, 302, 400, 413, 503)
CACHING = {"cache-control": "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"}
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
TOTALS = {
    "rotations": "Refresh tokens that were replaced.",
    "replays": "Used refresh tokens that were sent again.",
    "families_killed": "Families that a replay revoked.",
}


def description(profile: Profile, issuer: str) -> dict[str, Any]:
    """Describe the endpoints of the protocol (OpenAPI 3.1)."""
    paths = {endpoint.path: operations(endpoint) for endpoint in profile.endpoints}
    for path in filter(None, ("/oauth/authorize", profile.native_authorize)):
        paths[path] = {"get": _authorize(profile)}
    for path, method, status in API:
        paths.setdefault(path, {})[method] = _api(f"{method.upper()} {path}", status)
    for path in WELL_KNOWN:
        paths[path] = {"get": _operation("Get the metadata of this server", (200,))}
    if profile.native_authorize:
        paths["/api/auth/jwks"] = {"get": _operation("Get the keys that ID tokens are signed with", (200, 503))}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Local Trakt, profile {profile.name}", "version": profile.measured_on},
        "servers": [{"url": issuer}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def operations(endpoint: Endpoint) -> dict[str, Any]:
    """Describe one endpoint, by method."""
    title, members, statuses = OPERATIONS[endpoint.kind]
    operation = _operation(title, (*_statuses(endpoint), *statuses, *MORE))
    if endpoint.media:
        schema = {"schema": {"type": "object", "properties": members}}
        operation["requestBody"] = {"content": dict.fromkeys(endpoint.media, schema)}
    if endpoint.kind in BEHIND_TOKEN:
        operation["security"] = [{"token": []}]
    return {method.lower(): operation for method in endpoint.methods}


def _statuses(endpoint: Endpoint) -> set[int]:
    """Return the statuses that follow from how an endpoint reads and what it checks."""
    checked = {check.status for procedure in endpoint.procedures for check in procedure.checks}
    raised = {status for procedure in endpoint.procedures for status in procedure.statuses}
    media = {HTTPStatus.UNSUPPORTED_MEDIA_TYPE.value} if endpoint.rejects_media else set[int]()
    return {*DONE_OR_WRONG, *checked, *raised, *media}


def _authorize(profile: Profile) -> dict[str, Any]:
    """Describe the authorization endpoint."""
    more = [
        *(["response_mode"] if profile.authorize.supports_response_mode else []),
        *(["nonce"] if profile.native_authorize else []),
    ]
    needed = [_parameter("query", name, required=True) for name in ("response_type", "client_id", "redirect_uri")]
    parameters = [*needed, *(_parameter("query", name, required=False) for name in (*ASKED, *more))]
    return _operation("Ask the user for a code", PAGE) | {"parameters": parameters}


def _api(title: str, status: int) -> dict[str, Any]:
    named = _parameter("header", "trakt-api-key", required=True)
    named["description"] = "The app's client id"
    return _operation(title, (status, 401, 403, *MORE)) | {"security": [{"token": []}], "parameters": [named]}


def _parameter(place: str, name: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": TEXT}


def _operation(title: str, statuses: tuple[int, ...]) -> dict[str, Any]:
    return {"summary": title, "responses": {str(status): {"description": ""} for status in sorted(set(statuses))}}


def discovery_routes(context: ServerContext) -> list[Route]:
    """Return the routes of the metadata."""
    policy, profile = context.policy, context.profile

    async def metadata(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"allow": "GET"})  # with an empty body, as the engine has it
        return json_response(200, profile.metadata(policy), CACHING)

    async def openapi(_: Request) -> Response:
        return json_response(200, description(profile, policy.issuer))

    async def keys(_: Request) -> Response:
        return json_response(200, context.database.read(published_keys))

    routes = [Route(path, metadata, methods=METHODS) for path in WELL_KNOWN] + [Route("/openapi.json", openapi)]
    return [*routes, Route("/api/auth/jwks", keys)] if profile.native_authorize else routes


def health_routes(context: ServerContext) -> list[Route]:
    """Return the routes for operators."""

    async def alive(_: Request) -> Response:
        return json_response(200, {"status": "ok"}, {"cache-control": "no-store"})

    async def ready(_: Request) -> Response:
        try:  # a full disk can still be read
            context.database.write(lambda db: db.settings.set("ready", ""))
        except StorageUnavailable:
            return json_response(503, {"status": "the database cannot be used"}, {"retry-after": "5"})
        return json_response(200, {"status": "ok"}, {"cache-control": "no-store"})

    async def metrics(_: Request) -> Response:
        return Response(to_prometheus(context.exchanges.ledger()), headers={"content-type": PROMETHEUS})

    return [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)]


def to_prometheus(sums: dict[str, Any]) -> str:
    """Write the counters for Prometheus."""
    lines = ["# HELP local_trakt_requests_total Requests by address.", "# TYPE local_trakt_requests_total counter"]
    for name, count in sorted(sums["counts"].items()):
        method, path = name.split(" ", 1)
        number = count if isinstance(count, int) else sum(count.values())
        lines.append(f'local_trakt_requests_total{{method="{method}",path="{path}"}} {number}')
    for name, text in TOTALS.items():
        metric = f"local_trakt_{name}_total"
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} counter", f"{metric} {sums[name]}"]
    return "\n".join([*lines, ""])
