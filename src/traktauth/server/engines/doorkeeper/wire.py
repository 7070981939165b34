"""The wire format of Rails and Doorkeeper 5.6.6: JSON or forms in, the errors of RFC 6749 out."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response

from traktauth.server.engines import trakt_wire
from traktauth.server.errors import OAuthError, ValidationError
from traktauth.server.messages import (
    FORM,
    JSON,
    Pairs,
    ParseError,
    as_pairs,
    bearer_token,
    content_type,
    drop_none,
    first_duplicate,
    json_response,
    parse_basic,
    parse_form,
    parse_json,
)
from traktauth.server.oauth.authorization import Parameters
from traktauth.server.oauth.request import ClientRequest
from traktauth.server.tokens import IssuedTokens

NO_CLIENT = (
    "Client authentication failed due to unknown client, no client authentication included, or unsupported "
    "authentication method."
)
MISSING = (400, "invalid_request", "Missing required parameter: {}.")
BAD_CLIENT = (401, "invalid_client", NO_CLIENT)
BAD_GRANT = (
    400,
    "invalid_grant",
    (
        "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
        "authorization request, or was issued to another client."
    ),
)
BAD_SCOPE = (400, "invalid_scope", "The requested scope is invalid, unknown, or malformed.")
NOT_AUTHORIZED = (403, "unauthorized_client", "You are not authorized to revoke this token")


KNOWN = frozenset((
    "grant_type", "client_id", "client_secret", "code", "code_verifier", "redirect_uri", "refresh_token", "scope",
    "token", "token_type_hint",
))  # fmt: skip
GRANT_TYPES = frozenset(("authorization_code", "refresh_token", "client_credentials"))
QUERY = frozenset((
    "client_id", "code_challenge", "code_challenge_method", "response_type", "response_mode", "redirect_uri", "scope",
    "state", "signup", "prompt",
))  # fmt: skip


def read(headers: Headers, body: bytes) -> ClientRequest:
    """Parse a body and the Authorization field.

    Credentials in the query are not read (RFC 6749 section 2.3.1), though Doorkeeper 5 does.
    """
    parameters = _read_parameters(headers, body)
    name, secret = parameters.get("client_id", ""), parameters.get("client_secret", "")
    authorization = headers.get("authorization", "")
    found = parse_basic(authorization) if authorization.startswith("Basic ") else None
    if found is None or not found[0]:
        return ClientRequest(parameters, name, secret, bearer=bearer_token(headers))
    return ClientRequest(parameters, *found, by_basic=True, duplicate_credentials=bool(secret))


def read_token(headers: Headers, body: bytes) -> ClientRequest:
    """Parse a body for the token endpoint; an error of the grant type echoes the state."""
    sent = read(headers, body)
    grant, state = sent.parameters.get("grant_type", ""), sent.parameters.get("state", "")
    if not grant:
        raise OAuthError(400, "invalid_request", "Missing required parameter: grant_type.", state=state)
    if grant not in GRANT_TYPES:
        raise OAuthError(
            400,
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server.",
            state=state,
        )
    return sent


def write_tokens(issued: IssuedTokens) -> Response:
    """Write tokens as Doorkeeper does."""
    return trakt_wire.write_tokens(issued, "Bearer")


def write_error(error: OAuthError | ValidationError) -> Response:
    """Write an error as RFC 6749 section 5.2 has it, and once more in WWW-Authenticate."""
    error = _as_oauth_error(error)
    return _write_error(error, {"www-authenticate": trakt_wire.challenge(error)})


def write_error_without_challenge(error: OAuthError | ValidationError) -> Response:
    """Write an error without WWW-Authenticate, as Doorkeeper's revocation does."""
    return _write_error(_as_oauth_error(error), {})


def _as_oauth_error(error: OAuthError | ValidationError) -> OAuthError:
    if isinstance(error, OAuthError):
        return error
    return OAuthError(error.status, "invalid_request", error.message)


def _write_error(error: OAuthError, headers: Mapping[str, str]) -> Response:
    body = {"error": error.error, "error_description": error.description, "state": error.state or None}
    return json_response(error.status, drop_none(body), {**trakt_wire.HEADERS, **headers})


def _read_parameters(headers: Headers, body: bytes) -> dict[str, str]:
    """Return a body's parameters that are more than blanks; a body that is neither JSON nor a form has none."""
    media = content_type(headers)
    try:
        if media in (FORM, ""):  # Rack takes a body without a media type for a form
            pairs: Pairs = parse_form(body, strictly=True)
        else:
            pairs = as_pairs(parse_json(body)) if media == JSON and body else ()
        repeated = first_duplicate(pairs, KNOWN)
        if repeated is not None:
            raise OAuthError(400, "invalid_request", f"The parameter {repeated} is given more than once.")
        parameters = trakt_wire.string_parameters(pairs, KNOWN)
    except ParseError as error:
        raise OAuthError(400, "invalid_request", str(error)) from error
    except trakt_wire.NotAString as error:
        raise OAuthError(400, "invalid_request", f"The parameter {error.name} must be a string.") from None
    return {name: value for name, value in parameters.items() if value.strip()}  # to Rails a blank one is absent


def read_query(pairs: Parameters) -> dict[str, str]:
    """Parse a query as Rails does, but reject a repeated parameter (RFC 6749 section 3.1)."""
    duplicate = first_duplicate(pairs, QUERY)
    if duplicate:
        raise ValidationError(f"The parameter {duplicate} is given more than once.")
    return {name: value for name, value in pairs if name in QUERY}
