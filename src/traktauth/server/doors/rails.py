"""The door of the profile `classic`: Rails and Doorkeeper 5.6.6, JSON or forms in, RFC 6749 errors out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.attempt import Spoken
from traktauth.server.doors.documented import MEDIA, NoText, texts, tokens, uncached
from traktauth.server.http.answers import JSON, NO_STORE, Answer, in_json, without_nothing
from traktauth.server.http.encodings import (
    FORM,
    Malformed,
    basic_of,
    members_of,
    once,
    pairs_of_form,
    repeated_member,
    value_of_json,
)
from traktauth.server.refusals import Invalid, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.server.grants.issue import Issued
    from traktauth.server.http.heard import Heard

KNOWN = frozenset((
    "grant_type", "client_id", "client_secret", "code", "code_verifier", "redirect_uri", "refresh_token", "scope",
    "token", "token_type_hint",
))  # fmt: skip
GRANTS = frozenset(("authorization_code", "refresh_token", "client_credentials"))


def read(heard: Heard) -> Spoken:
    """Read a body and the Authorization field.

    Credentials in the query are not read (RFC 6749 section 2.3.1), though Doorkeeper 5 does.

    Raises:
        Refusal: the body cannot be taken apart, or a parameter is repeated.
    """
    said = parameters_of(heard)
    name, secret = said.get("client_id", ""), said.get("client_secret", "")
    authorization = heard.headers.get("authorization", "")
    found = basic_of(authorization) if authorization.startswith("Basic ") else None
    if found is None or not found[0]:
        return Spoken(said, name, secret, bearer=heard.bearer)
    return Spoken(said, *found, by_basic=True, twice=bool(secret))


def read_token(heard: Heard) -> Spoken:
    """Read a body for the token endpoint.

    Raises:
        Refusal: as `read` does, or the grant type is missing or none that Doorkeeper grants; it gives the state back.
    """
    said = read(heard)
    grant, state = said.parameters.get("grant_type", ""), said.parameters.get("state", "")
    if not grant:
        raise Refusal(400, "invalid_request", "Missing required parameter: grant_type.", state=state)
    if grant not in GRANTS:
        raise Refusal(
            400,
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server.",
            state=state,
        )
    return said


def parameters_of(heard: Heard) -> dict[str, str]:
    """Give a body's parameters; another media type than JSON or a form says nothing.

    Raises:
        Refusal: it cannot be taken apart, or a known parameter is repeated or no text.
    """
    try:
        if heard.media_type in (FORM, ""):  # Rack takes what does not say what it is for a form
            pairs = pairs_of_form(heard.body, strictly=True)
            _refuse_twice(once(pairs, KNOWN))
            return unless_blank(dict(pairs))
        if heard.media_type != JSON or not heard.body:
            return {}
        value = value_of_json(heard.body)
        _refuse_twice(repeated_member(heard.body, value, KNOWN))
        return unless_blank(texts(members_of(value) or {}, KNOWN))
    except Malformed as error:
        raise Refusal(400, "invalid_request", str(error)) from error
    except NoText as error:
        raise Refusal(400, "invalid_request", f"The parameter {error.name} must be a string.") from None


def unless_blank(said: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is nothing but blanks: to Rails that is as good as absent."""
    return {name: value for name, value in said.items() if value.strip()}


def write_tokens(issued: Issued, issuer: str) -> Answer:  # noqa: ARG001 - every writer is given the issuer
    """Write tokens as Doorkeeper does."""
    return tokens(issued, "Bearer")


def write_members(members: dict[str, Any], issuer: str) -> Answer:  # noqa: ARG001 - every writer is given the issuer
    """Write members as they are."""
    return uncached(members)


def refuse(refusal: Refusal | Invalid) -> Answer:
    """Write a refusal, as RFC 6749 section 5.2 has it, and once more in WWW-Authenticate."""
    if isinstance(refusal, Invalid):
        refusal = Refusal(refusal.status, "invalid_request", refusal.message)
    body = {"error": refusal.error, "error_description": refusal.description, "state": refusal.state or None}
    return in_json(refusal.status, without_nothing(body), {**NO_STORE, **MEDIA, "www-authenticate": challenge(refusal)})


def refuse_plainly(refusal: Refusal | Invalid) -> Answer:
    """Write a refusal without WWW-Authenticate, as Doorkeeper's revocation does."""
    answer = refuse(refusal)
    del answer.headers["www-authenticate"]
    return answer


def challenge(refusal: Refusal, realm: str = "Doorkeeper") -> str:
    """Give the WWW-Authenticate field of a refusal."""
    return f'Bearer realm="{realm}", error="{refusal.error}", error_description="{refusal.description}"'


def _refuse_twice(name: str | None) -> None:
    if name is not None:
        raise Refusal(400, "invalid_request", f"The parameter {name} is given more than once.")
