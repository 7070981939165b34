"""The native door of the profile `current`: better-auth's own paths, forms in and JSON out (measured on 1.6.33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.attempt import Spoken
from traktauth.server.http.answers import JSON, NO_STORE, Answer, Prepared, in_json, without_nothing
from traktauth.server.http.encodings import (
    FORM,
    Malformed,
    basic_of,
    once,
    pairs_of_form,
    repeated_member,
    value_of_json,
)
from traktauth.server.http.fields import (
    ABSENT,
    Field,
    checked,
    exactly,
    one_of,
    optional,
    optional_address,
    required,
    unless_absent,
)
from traktauth.server.refusals import Invalid, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.server.grants.issue import Issued
    from traktauth.server.http.heard import Heard

uncached = Prepared(200, NO_STORE)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

TOKEN: tuple[Field, ...] = (
    ("grant_type", one_of("authorization_code", "client_credentials", "refresh_token")),
    ("client_id", optional),
    ("client_secret", optional),
    ("code", optional),
    ("code_verifier", optional),
    ("redirect_uri", optional_address),
    ("refresh_token", optional),
    ("resource", optional),
    ("scope", optional),
)
ABOUT_TOKEN: tuple[Field, ...] = (
    ("client_id", optional),
    ("client_secret", optional),
    ("token", required),
    ("token_type_hint", unless_absent(one_of("access_token", "refresh_token"))),
)
KNOWN = frozenset(name for name, _ in TOKEN + ABOUT_TOKEN)
DEVICE_CODE: tuple[Field, ...] = (("client_id", required), ("user_id", optional), ("scope", optional))
DEVICE_TOKEN: tuple[Field, ...] = (
    ("grant_type", exactly(DEVICE_GRANT)),
    ("device_code", required),
    ("client_id", required),
)


def read_token(heard: Heard) -> Spoken:
    """Read a form for the token endpoint.

    Raises:
        Invalid: it is no form, or a field is not as it must be.
        Refusal: a parameter is repeated, or HTTP Basic cannot be read.
    """
    return spoken(checked(form_of(heard), TOKEN), heard.headers.get("authorization", ""))


def read_about_token(heard: Heard) -> Spoken:
    """Read a form that names a token; raises as `read_token` does."""
    return spoken(checked(form_of(heard), ABOUT_TOKEN), heard.headers.get("authorization", ""))


def read_device_code(heard: Heard) -> Spoken:
    """Read JSON that asks for a device code."""
    return spoken(checked(json_of(heard, DEVICE_CODE), DEVICE_CODE))


def read_device_token(heard: Heard) -> Spoken:
    """Read JSON that polls a device code."""
    said = spoken(checked(json_of(heard, DEVICE_TOKEN), DEVICE_TOKEN))
    return said._replace(parameters={**said.parameters, "code": said.parameters["device_code"]})


def read_bearer(heard: Heard) -> Spoken:
    """Read the Authorization field, with or without its scheme."""
    header = heard.headers.get("authorization", "")
    return Spoken({}, "", "", bearer=header.removeprefix("Bearer "))


def form_of(heard: Heard) -> object:
    """Give a form's parameters, ABSENT where there is no body.

    Raises:
        Invalid: the media type is another.
        Refusal: a known parameter is repeated.
    """
    if not heard.body:
        return ABSENT
    _want_media(heard, FORM)
    try:
        pairs = pairs_of_form(heard.body)
    except Malformed as error:
        raise Refusal(400, "invalid_request", str(error)) from error
    _refuse_twice(once(pairs, KNOWN))
    return dict(pairs)


def json_of(heard: Heard, fields: tuple[Field, ...]) -> object:
    """Give what a JSON body says, ABSENT where there is none; raises as `form_of` does."""
    if not heard.body:
        return ABSENT
    _want_media(heard, JSON)
    try:
        value = value_of_json(heard.body)
    except Malformed as error:
        raise Invalid("Invalid JSON in request body", code="BAD_REQUEST") from error
    _refuse_twice(repeated_member(heard.body, value, frozenset(name for name, _ in fields)))
    return value


def spoken(parameters: Mapping[str, str], authorization: str = "") -> Spoken:
    """Put together what was said; HTTP Basic goes before the body.

    Raises:
        Refusal: HTTP Basic cannot be read.
    """
    name, secret = parameters.get("client_id", ""), parameters.get("client_secret", "")
    if not authorization.startswith("Basic "):
        return Spoken(parameters, name, secret)
    found = basic_of(authorization)
    if found is None or not all(found):
        raise Refusal(400, "invalid_client", "invalid authorization header format")
    return Spoken(parameters, *found, by_basic=True, twice=bool(secret))


def write_tokens(issued: Issued, issuer: str) -> Answer:  # noqa: ARG001 - every writer is given the issuer
    """Write tokens as better-auth does."""
    members: dict[str, Any] = {
        "access_token": issued.access_token,
        "expires_in": issued.expires_in,
        "expires_at": issued.created_at + issued.expires_in,
        "token_type": "Bearer",
        "refresh_token": issued.refresh_token,
        "scope": issued.scope,
        "id_token": issued.id_token,
    }
    return uncached(without_nothing(members))


def write_revoked(done: bool, issuer: str) -> Answer:  # noqa: ARG001, FBT001 - a result, and every writer's issuer
    """Write that a token was revoked: nothing; that it is another app's: null."""
    return Answer(200, b"" if done else b"null", {"content-type": JSON})


def write_members(members: dict[str, Any], issuer: str) -> Answer:  # noqa: ARG001 - every writer is given the issuer
    """Write members as they are, leaving out those that are None."""
    return uncached(without_nothing(members))


def refuse(refusal: Refusal | Invalid) -> Answer:
    """Write a refusal."""
    if isinstance(refusal, Invalid):
        return in_json(refusal.status, {"message": refusal.message, "code": refusal.code})
    return in_json(refusal.status, {"error_description": refusal.description, "error": refusal.error})


def _want_media(heard: Heard, wanted: str) -> None:
    if wanted in heard.media_type:
        return
    said = f'Content-Type "{heard.content_type}" is not allowed' if heard.content_type else "Content-Type is required"
    raise Invalid(f"{said}. Allowed types: {wanted}", status=415, code="UNSUPPORTED_MEDIA_TYPE")


def _refuse_twice(name: str | None) -> None:
    if name is not None:
        raise Refusal(400, "invalid_request", f"{name} is given more than once")
