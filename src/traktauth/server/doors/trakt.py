"""Trakt's door of the profile `current`: what stands between Trakt's documented paths and better-auth.

A guess at Trakt's closed glue, as recorded: JSON or form bodies, no HTTP Basic, the constant PKCE challenge that
Trakt's page adds where a client makes none, and the documented members in the answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.checks.codes import s256
from traktauth.server.doors import native
from traktauth.server.doors.documented import MEDIA, NoText, texts, tokens
from traktauth.server.http.answers import Answer, Prepared
from traktauth.server.http.encodings import (
    FORM,
    Malformed,
    members_of,
    once,
    pairs_of_form,
    repeated_member,
    value_of_json,
)
from traktauth.server.http.fields import checked, kind_of
from traktauth.server.refusals import Invalid, Refusal

if TYPE_CHECKING:
    from traktauth.server.attempt import Spoken
    from traktauth.server.grants.issue import Issued
    from traktauth.server.http.heard import Heard

VERIFIER = "local-trakt-constant-verifier-00000000000000000000"
CHALLENGE = s256(VERIFIER)
nothing = Prepared(200, MEDIA)
KNOWN = frozenset(name for name, _ in native.TOKEN + native.ABOUT_TOKEN)


def read_token(heard: Heard) -> Spoken:
    """Read a body for the token endpoint, adding and taking away as Trakt does; raises as the native door does."""
    said = texts_of(heard)
    grant = said.get("grant_type")
    if grant == "authorization_code" and said.get("client_secret") and not said.get("code_verifier"):
        said["code_verifier"] = VERIFIER
    if grant == "refresh_token":
        said.pop("redirect_uri", None)
    return native.spoken(checked(said, native.TOKEN))


def read_about_token(heard: Heard) -> Spoken:
    """Read a body that names a token."""
    return native.spoken(checked(texts_of(heard), native.ABOUT_TOKEN))


def read_device(heard: Heard) -> Spoken:
    """Read JSON that asks for a device code or polls one; anything else than a JSON object says nothing."""
    said = {} if heard.media_type == FORM else texts_of(heard)
    return native.spoken(said)


def texts_of(heard: Heard) -> dict[str, str]:
    """Give a body's known parameters as texts; a body that cannot be read says nothing.

    Raises:
        Invalid: a list or an object stands where a text belongs.
        Refusal: a known parameter is repeated.
    """
    try:
        if FORM in heard.media_type:
            pairs = pairs_of_form(heard.body)
            _refuse_twice(once(pairs, KNOWN))
            return dict(pairs)
        value = value_of_json(heard.body)
        _refuse_twice(repeated_member(heard.body, value, KNOWN))
        return texts(members_of(value) or {}, KNOWN)
    except Malformed:
        return {}
    except NoText as error:
        kind = kind_of(error.value)
        raise Invalid(f"[body.{error.name}] Invalid input: expected string, received {kind}") from None


def write_tokens(issued: Issued, issuer: str) -> Answer:  # noqa: ARG001 - every writer is given the issuer
    """Write tokens as Trakt's documentation has them."""
    return tokens(issued, "bearer")


def write_revoked(done: bool, issuer: str) -> Answer:  # noqa: ARG001, FBT001 - a result, and every writer's issuer
    """Write that a token was revoked, or is another app's: Trakt does not tell."""
    return nothing({})


def _refuse_twice(name: str | None) -> None:
    if name is not None:
        raise Refusal(400, "invalid_request", f"{name} is given more than once")
