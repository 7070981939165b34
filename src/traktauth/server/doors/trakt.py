"""Trakt's door of the profile `current`: what stands between Trakt's documented paths and better-auth.

A guess at Trakt's closed glue, as recorded: JSON or form bodies, no HTTP Basic, the constant PKCE challenge that
Trakt's page adds where a client makes none, and the documented members in the answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.checks.codes import s256
from traktauth.server.doors import native
from traktauth.server.http.answers import NO_STORE, Answer, Prepared, without_nothing
from traktauth.server.http.encodings import Malformed, members_of, once, pairs_of_form, repeated_member, value_of_json
from traktauth.server.http.fields import checked, kind_of
from traktauth.server.refusals import Invalid, Refusal

if TYPE_CHECKING:
    from traktauth.server.attempt import Spoken
    from traktauth.server.grants.issue import Issued
    from traktauth.server.http.heard import Heard

VERIFIER = "local-trakt-constant-verifier-00000000000000000000"
CHALLENGE = s256(VERIFIER)
MEDIA = {"content-type": "application/json; charset=utf-8"}
uncached = Prepared(200, {**NO_STORE, **MEDIA})
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
    said = {} if heard.media_type == native.FORM else texts_of(heard)
    return native.spoken(said)


def texts_of(heard: Heard) -> dict[str, str]:
    """Give a body's known parameters as texts; a body that cannot be read says nothing.

    Raises:
        Invalid: a list or an object stands where a text belongs.
        Refusal: a known parameter is repeated.
    """
    try:
        if native.FORM in heard.media_type:
            pairs = pairs_of_form(heard.body)
            _refuse_twice(once(pairs, KNOWN))
            return dict(pairs)
        value = value_of_json(heard.body)
        _refuse_twice(repeated_member(heard.body, value, KNOWN))
    except Malformed:
        return {}
    return texts(members_of(value) or {})


def texts(members: dict[str, Any]) -> dict[str, str]:
    """Give an object's members as texts; null is as good as absent.

    Raises:
        Invalid: a list or an object stands where a text belongs.
    """
    said: dict[str, str] = {}
    for name, value in members.items():
        if isinstance(value, bool):
            said[name] = str(value).lower()
        elif isinstance(value, (str, int, float)):
            said[name] = str(value)
        elif value is not None and name in KNOWN:
            raise Invalid(f"[body.{name}] Invalid input: expected string, received {kind_of(value)}")
    return said


def write_tokens(issued: Issued, issuer: str) -> Answer:  # noqa: ARG001 - every writer is given the issuer
    """Write tokens as Trakt's documentation has them."""
    members: dict[str, Any] = {
        "access_token": issued.access_token,
        "token_type": "bearer",
        "expires_in": issued.expires_in,
        "refresh_token": issued.refresh_token,
        "scope": issued.scope,
        "created_at": issued.created_at,
    }
    return uncached(members if issued.refresh_token else without_nothing(members))


def write_revoked(done: bool, issuer: str) -> Answer:  # noqa: ARG001, FBT001 - a result, and every writer's issuer
    """Write that a token was revoked, or is another app's: Trakt does not tell."""
    return nothing({})


def _refuse_twice(name: str | None) -> None:
    if name is not None:
        raise Refusal(400, "invalid_request", f"{name} is given more than once")
