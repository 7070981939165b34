"""The wire format under `--strict`: forms or JSON in, HTTP Basic, and the errors of RFC 6749 and RFC 6750."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.protocol import AUTHORIZATION_CODE
from traktauth.server.engines.doorkeeper import wire
from traktauth.server.engines.trakt_wire import rfc8628_members, trakt_members
from traktauth.server.errors import OAuthError, ValidationError
from traktauth.server.http.messages import NO_STORE, HttpRequest, HttpResponse, json_response
from traktauth.server.oauth.pkce import TRAKT_VERIFIER

if TYPE_CHECKING:
    from traktauth.server.oauth.device.authorization import DeviceAuthorization
    from traktauth.server.oauth.request import ClientRequest

BASIC = 'Basic realm="Local Trakt", charset="UTF-8"'
UNREADABLE = (413, 415)
"""Statuses of a request that could not be read at all."""
TOKEN_ERRORS = {"invalid_scope": (403, "insufficient_scope")}


def read_token_with_trakt_verifier(request: HttpRequest) -> ClientRequest:
    """Parse a body for the token endpoint; if Trakt's page may have added its challenge, add its verifier."""
    sent = wire.read_token(request)
    parameters = sent.parameters
    is_exchange = parameters["grant_type"] == AUTHORIZATION_CODE
    if not is_exchange or not sent.client_secret or parameters.get("code_verifier"):
        return sent
    return sent._replace(parameters={**parameters, "code_verifier": TRAKT_VERIFIER})


def read_about_token(request: HttpRequest) -> ClientRequest:
    """Parse a body about a token, without its hint, so that all kinds are searched (RFC 7009 section 2.1)."""
    sent = wire.read(request)
    kept = {name: value for name, value in sent.parameters.items() if name != "token_type_hint"}
    return sent._replace(parameters=kept)


def write_revoked(result: object) -> HttpResponse:  # noqa: ARG001 - a result
    """Write that a token is not valid any more, or never was (RFC 7009 section 2.2)."""
    return json_response(200, {}, NO_STORE)


def write_device_authorization(device: DeviceAuthorization) -> HttpResponse:
    """Write a device code with Trakt's members and those of RFC 8628."""
    return json_response(200, trakt_members(device) | rfc8628_members(device), NO_STORE)


def write_error(error: OAuthError | ValidationError) -> HttpResponse:
    """Write an error: 401 with a challenge for a client that is not authenticated, 400 for anything else."""
    if isinstance(error, ValidationError):
        status = error.status if error.status in UNREADABLE else 400
        return _write(status, "invalid_request", error.message)
    if error.error == "invalid_client":
        return _write(401, error.error, error.description, {"www-authenticate": BASIC})
    return _write(400, error.error, error.description)


def write_bearer_error(error: OAuthError | ValidationError) -> HttpResponse:
    """Write that an access token does not give access (RFC 6750 section 3.1)."""
    code = error.error if isinstance(error, OAuthError) else "invalid_request"
    status, code = TOKEN_ERRORS.get(code, (401, "invalid_token"))
    text = error.description if isinstance(error, OAuthError) else error.message
    challenge = wire.challenge(OAuthError(status, code, text), "Trakt")
    return _write(status, code, text, {"www-authenticate": challenge})


def _write(status: int, error: str, description: str, headers: dict[str, str] | None = None) -> HttpResponse:
    text = description.replace("\\", "/").replace('"', "'").encode("ascii", "replace").decode()
    body: dict[str, Any] = {"error": error, "error_description": text}
    return json_response(status, body, {**NO_STORE, **(headers or {})})
