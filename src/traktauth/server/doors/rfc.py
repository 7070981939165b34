"""The door under `--strict`: forms or JSON in, HTTP Basic taken, errors as RFC 6749 and RFC 6750 have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.protocol import AUTHORIZATION_CODE
from traktauth.server.doors import rails
from traktauth.server.doors.trakt import VERIFIER
from traktauth.server.http.answers import NO_STORE, Answer, in_json
from traktauth.server.refusals import Invalid, Refusal

if TYPE_CHECKING:
    from traktauth.server.attempt import Spoken
    from traktauth.server.http.heard import Heard

BASIC = 'Basic realm="Local Trakt", charset="UTF-8"'
NOT_MADE_OUT = (413, 415)
"""Statuses that say a request could not be read at all, whatever OAuth would say of it."""
TOKEN_FAULTS = {"invalid_scope": (403, "insufficient_scope")}


def read_token_with_trakts_verifier(heard: Heard) -> Spoken:
    """Read a body for the token endpoint; where Trakt's page has added its challenge, its verifier is added here."""
    said = rails.read_token(heard)
    given = said.parameters
    if given["grant_type"] != AUTHORIZATION_CODE or not said.client_secret or given.get("code_verifier"):
        return said
    return said._replace(parameters={**given, "code_verifier": VERIFIER})


def read_about_token(heard: Heard) -> Spoken:
    """Read a body that names a token; its hint is dropped, so that all kinds are looked at (RFC 7009 section 2.1)."""
    said = rails.read(heard)
    kept = {name: value for name, value in said.parameters.items() if name != "token_type_hint"}
    return said._replace(parameters=kept)


def write_revoked(done: object, issuer: str) -> Answer:  # noqa: ARG001 - a result, and every writer's issuer
    """Write that a token is not good any more, or never was (RFC 7009 section 2.2)."""
    return in_json(200, {}, NO_STORE)


def refuse(refusal: Refusal | Invalid) -> Answer:
    """Write a refusal: who the client is not is a 401 with a challenge, anything else a 400."""
    if isinstance(refusal, Invalid):
        status = refusal.status if refusal.status in NOT_MADE_OUT else 400
        return _written(status, "invalid_request", refusal.message)
    if refusal.error == "invalid_client":
        return _written(401, refusal.error, refusal.description, {"www-authenticate": BASIC})
    return _written(400, refusal.error, refusal.description)


def refuse_bearer(refusal: Refusal | Invalid) -> Answer:
    """Write that an access token is not good for this (RFC 6750 section 3.1)."""
    found = refusal.error if isinstance(refusal, Refusal) else "invalid_request"
    status, error = TOKEN_FAULTS.get(found, (401, "invalid_token"))
    told = refusal.description if isinstance(refusal, Refusal) else refusal.message
    return _written(status, error, told, {"www-authenticate": rails.challenge(Refusal(status, error, told), "Trakt")})


def _written(status: int, error: str, description: str, headers: dict[str, str] | None = None) -> Answer:
    said = description.replace("\\", "/").replace('"', "'").encode("ascii", "replace").decode()
    body: dict[str, Any] = {"error": error, "error_description": said}
    return in_json(status, body, {**NO_STORE, **(headers or {})})
