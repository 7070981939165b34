"""The wire format of better-auth's own ("native") paths, and of Trakt's documented paths in front of it.

The native paths take forms and write JSON (measured on 1.6.33). Trakt's are a guess at its closed code, from recorded
responses: JSON or form bodies, no HTTP Basic, the constant PKCE challenge that Trakt's page adds for a client without
one, and the documented members in the responses. Invalid parameters are told in the words of the library that
better-auth validates with (zod 4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response

from traktauth.server.engines import trakt_wire
from traktauth.server.errors import OAuthError, ValidationError
from traktauth.server.messages import (
    FORM,
    JSON,
    NO_STORE,
    Pairs,
    ParseError,
    as_object,
    as_pairs,
    content_type,
    drop_none,
    first_duplicate,
    json_response,
    parse_basic,
    parse_form,
    parse_json,
)
from traktauth.server.oauth.authorization import Parameters
from traktauth.server.oauth.device import DeviceAuthorization
from traktauth.server.oauth.redirect_uri import problem_of
from traktauth.server.oauth.request import ClientRequest, TokenPolicy
from traktauth.server.tokens import TRAKT_CHALLENGE, TRAKT_VERIFIER, IssuedTokens

Field = tuple[str, Callable[[Any], list[str]]]
ABSENT = object()
VALID: list[str] = []

TYPES: dict[type, str] = {
    str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object", type(None): "null",
}  # fmt: skip
# An impossible host is valid here: a URL parser takes it, and no client can have it registered.
URL_MESSAGES = {
    "is not an absolute address": ["Invalid URL", "URL must be parseable"],
    "names no host": ["Invalid URL", "URL must be parseable"],
    "has blanks in it": ["Invalid URL", "URL must be parseable"],
    "must not use javascript:, data: or vbscript:": ["URL cannot use javascript:, data:, or vbscript: scheme"],
    "must not have a fragment": ["Redirect URI must not contain a fragment component"],
    "must use https, unless it is a loopback address": [
        "Redirect URI must use HTTPS (HTTP allowed only for loopback hosts)"
    ],
}


def type_name(value: object) -> str:
    """Return JavaScript's name for the type of a value."""
    return "undefined" if value is ABSENT else TYPES.get(type(value), "object")


def require_string(value: object) -> list[str]:
    """Require a string."""
    return [] if isinstance(value, str) else [f"Invalid input: expected string, received {type_name(value)}"]


def optional(value: object) -> list[str]:
    """Require a string, if the parameter is present."""
    return VALID if value is ABSENT or isinstance(value, str) else require_string(value)


def exactly(word: str) -> Callable[[object], list[str]]:
    """Require a certain word."""
    return lambda value: [] if value == word else [f'Invalid input: expected "{word}"']


def one_of(*words: str) -> Callable[[object], list[str]]:
    """Require one of some words."""
    listed = "|".join(f'"{word}"' for word in words)
    return lambda value: [] if value in words else [f"Invalid option: expected one of {listed}"]


def optional_if(rule: Callable[[object], list[str]]) -> Callable[[object], list[str]]:
    """Apply a rule if the parameter is present."""
    return lambda value: [] if value is ABSENT else rule(value)


def optional_url(value: object) -> list[str]:
    """Require a URL that a browser can safely be sent to, if the parameter is present."""
    messages = optional(value)
    if messages or not isinstance(value, str):
        return messages
    return URL_MESSAGES.get(problem_of(value) or "", [])


def validate(value: object, fields: tuple[Field, ...], *, where: str = "body") -> Mapping[str, str]:
    """Return the known members of an object; raise a ValidationError that names every problem."""
    members = as_object(value)
    if members is None:
        raise ValidationError(f"[{where}] Invalid input: expected object, received {type_name(value)}")
    problems: list[str] = []
    known: dict[str, str] = {}
    for name, rule in fields:
        member: Any = members.get(name, ABSENT)
        if rule is optional:  # as most are: judged here, which saves a call
            if member is ABSENT:
                continue
            if type(member) is str:
                known[name] = member
                continue
        messages = rule(member)
        if messages:
            problems += [f"[{where}.{name}] {message}" for message in messages]
        elif member is not ABSENT:
            known[name] = member
    if problems:
        raise ValidationError("; ".join(problems))
    return known


PROMPTS = ("none", "consent", "login", "create", "select_account", "login consent", "select_account consent")
QUERY: tuple[Field, ...] = (
    ("response_type", optional_if(exactly("code"))),
    ("client_id", require_string),
    ("redirect_uri", optional_url),
    ("scope", optional),
    ("state", optional),
    ("request_uri", optional),
    ("code_challenge", optional),
    ("code_challenge_method", optional_if(exactly("S256"))),
    ("nonce", optional),
    ("prompt", optional_if(one_of(*PROMPTS))),
    ("signup", optional),
)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN: tuple[Field, ...] = (
    ("grant_type", one_of("authorization_code", "client_credentials", "refresh_token")),
    ("client_id", optional),
    ("client_secret", optional),
    ("code", optional),
    ("code_verifier", optional),
    ("redirect_uri", optional_url),
    ("refresh_token", optional),
    ("resource", optional),
    ("scope", optional),
)
ABOUT_TOKEN: tuple[Field, ...] = (
    ("client_id", optional),
    ("client_secret", optional),
    ("token", require_string),
    ("token_type_hint", optional_if(one_of("access_token", "refresh_token"))),
)
KNOWN = frozenset(name for name, _ in TOKEN + ABOUT_TOKEN)
DEVICE_CODE: tuple[Field, ...] = (("client_id", require_string), ("user_id", optional), ("scope", optional))
DEVICE_TOKEN: tuple[Field, ...] = (
    ("grant_type", exactly(DEVICE_GRANT)),
    ("device_code", require_string),
    ("client_id", require_string),
)


def read_query(pairs: Parameters) -> dict[str, str]:
    """Parse a query: a repeated parameter is a list, and so no string."""
    members: dict[str, object] = {}
    for name, value in pairs:
        members[name] = [members[name], value] if name in members else value
    return dict(validate(members, QUERY, where="query"))


def add_as_trakts_page(pairs: Parameters, policy: TokenPolicy) -> Parameters:
    """Add the default scope and Trakt's constant challenge if the client sends none; heed `signup=true`."""
    sent = dict(pairs)
    added: dict[str, str] = {}
    if not sent.get("scope"):
        added["scope"] = policy.default_scope
    if not sent.get("code_challenge"):
        added |= {"code_challenge": TRAKT_CHALLENGE, "code_challenge_method": "S256"}
    pairs = [pair for pair in pairs if pair[0] not in added] + list(added.items())
    return trakt_wire.prefer_sign_up(pairs, policy)


def read_token(headers: Headers, body: bytes) -> ClientRequest:
    """Parse a body for the token endpoint, with Trakt's changes."""
    parameters = _read_parameters(headers, body)
    grant = parameters.get("grant_type")
    if grant == "authorization_code" and parameters.get("client_secret") and not parameters.get("code_verifier"):
        parameters["code_verifier"] = TRAKT_VERIFIER
    if grant == "refresh_token":
        parameters.pop("redirect_uri", None)
    return client_request(validate(parameters, TOKEN))


def read_about_token(headers: Headers, body: bytes) -> ClientRequest:
    """Parse a body about a token."""
    return client_request(validate(_read_parameters(headers, body), ABOUT_TOKEN))


def read_device(headers: Headers, body: bytes) -> ClientRequest:
    """Parse JSON that requests or polls a device code; another body has no parameters."""
    return client_request({} if content_type(headers) == FORM else _read_parameters(headers, body))


def read_native_token(headers: Headers, body: bytes) -> ClientRequest:
    """Parse a form for the token endpoint."""
    return client_request(validate(_read_form(headers, body), TOKEN), headers.get("authorization", ""))


def read_native_about_token(headers: Headers, body: bytes) -> ClientRequest:
    """Parse a form about a token."""
    return client_request(validate(_read_form(headers, body), ABOUT_TOKEN), headers.get("authorization", ""))


def read_native_device_code(headers: Headers, body: bytes) -> ClientRequest:
    """Parse JSON that requests a device code."""
    return client_request(validate(_read_json(headers, body, DEVICE_CODE), DEVICE_CODE))


def read_native_device_token(headers: Headers, body: bytes) -> ClientRequest:
    """Parse JSON that polls a device code."""
    sent = client_request(validate(_read_json(headers, body, DEVICE_TOKEN), DEVICE_TOKEN))
    return sent._replace(parameters={**sent.parameters, "code": sent.parameters["device_code"]})


def read_bearer(headers: Headers, _body: bytes) -> ClientRequest:
    """Read the Authorization field, with or without its scheme."""
    return ClientRequest({}, "", "", bearer=headers.get("authorization", "").removeprefix("Bearer "))


def client_request(parameters: Mapping[str, str], authorization: str = "") -> ClientRequest:
    """Return what a client sent; HTTP Basic takes precedence over the body."""
    name, secret = parameters.get("client_id", ""), parameters.get("client_secret", "")
    if not authorization.startswith("Basic "):
        return ClientRequest(parameters, name, secret)
    found = parse_basic(authorization)
    if found is None or not all(found):
        raise OAuthError(400, "invalid_client", "invalid authorization header format")
    return ClientRequest(parameters, *found, by_basic=True, duplicate_credentials=bool(secret))


def write_tokens(issued: IssuedTokens) -> Response:
    """Write tokens as Trakt documents them."""
    return trakt_wire.write_tokens(issued, "bearer")


def write_revoked(_is_own: object) -> Response:
    """Write that a token was revoked; Trakt does not tell if it is another client's."""
    return json_response(200, {}, trakt_wire.JSON_UTF8)


def write_native_tokens(issued: IssuedTokens) -> Response:
    """Write tokens as better-auth does."""
    return write_members(
        {
            "access_token": issued.access_token,
            "expires_in": issued.expires_in,
            "expires_at": issued.created_at + issued.expires_in,
            "token_type": "Bearer",
            "refresh_token": issued.refresh_token,
            "scope": issued.scope,
            "id_token": issued.id_token,
        }
    )


def write_native_revoked(is_own: object) -> Response:
    """Write that a token was revoked: nothing; that it is another client's: null."""
    return Response(b"" if is_own else b"null", headers={"content-type": JSON})


def write_members(members: Mapping[str, Any]) -> Response:
    """Write the members that are not None."""
    return json_response(200, drop_none(members), NO_STORE)


def write_device_authorization(device: DeviceAuthorization) -> Response:
    """Write a device code with the members of RFC 8628 section 3.2."""
    return json_response(200, trakt_wire.rfc8628_members(device), {"cache-control": "no-store"})


def write_session_token(members: dict[str, Any]) -> Response:
    """Write a session token."""
    return json_response(200, members, NO_STORE)


def write_error(error: OAuthError | ValidationError) -> Response:
    """Write an error."""
    if isinstance(error, ValidationError):
        return json_response(error.status, {"message": error.message, "code": error.code})
    return json_response(error.status, {"error_description": error.description, "error": error.error})


def _read_parameters(headers: Headers, body: bytes) -> dict[str, str]:
    """Return a body's parameters as strings; a body that cannot be parsed has none."""
    try:
        pairs = parse_form(body) if FORM in content_type(headers) else as_pairs(parse_json(body))
    except ParseError:
        return {}
    _reject_duplicate(pairs, KNOWN)
    try:
        return trakt_wire.string_parameters(pairs, KNOWN)
    except trakt_wire.NotAString as error:
        message = f"[body.{error.name}] Invalid input: expected string, received {type_name(error.value)}"
        raise ValidationError(message) from None


def _read_form(headers: Headers, body: bytes) -> object:
    """Return a form's parameters, ABSENT without a body; another media type is an error."""
    if not body:
        return ABSENT
    _require_media(headers, FORM)
    try:
        pairs = parse_form(body)
    except ParseError as error:
        raise OAuthError(400, "invalid_request", str(error)) from error
    _reject_duplicate(pairs, KNOWN)
    return dict(pairs)


def _read_json(headers: Headers, body: bytes, fields: tuple[Field, ...]) -> object:
    """Return the value of a JSON body, ABSENT without a body; another media type is an error."""
    if not body:
        return ABSENT
    _require_media(headers, JSON)
    try:
        value = parse_json(body)
    except ParseError as error:
        raise ValidationError("Invalid JSON in request body", code="BAD_REQUEST") from error
    pairs = as_pairs(value)
    _reject_duplicate(pairs, frozenset(name for name, _ in fields))
    return dict(pairs) if isinstance(value, tuple) else value


def _require_media(headers: Headers, wanted: str) -> None:
    if wanted in content_type(headers):
        return
    sent = headers.get("content-type")
    problem = f'Content-Type "{sent}" is not allowed' if sent else "Content-Type is required"
    raise ValidationError(f"{problem}. Allowed types: {wanted}", status=415, code="UNSUPPORTED_MEDIA_TYPE")


def _reject_duplicate(pairs: Pairs, names: frozenset[str]) -> None:
    """Reject a parameter that was sent more than once."""
    name = first_duplicate(pairs, names)
    if name is not None:
        raise OAuthError(400, "invalid_request", f"{name} is given more than once")
