"""A token as Trakt's own response has it. `created_at` is optional: without it the token is taken to be new."""

from __future__ import annotations

import json
from typing import Any

from traktauth.migrate.formats._json_text import read_number, read_object, read_text, replace_value
from traktauth.migrate.formats.foreign_login import ForeignLogin

_PROGRAM = "Trakt"


def read(text: str, *, now: float) -> ForeignLogin:
    """Return the login that a file holds."""
    return read_token(read_object(text, _PROGRAM), now=now)


def read_token(found: dict[str, Any], *, now: float, where: str = "") -> ForeignLogin:
    """Return the login that Trakt's response holds; *where* names the response in errors."""
    created = None if found.get("created_at") is None else int(read_number(found, "created_at", where))
    expires_in = int(read_number(found, "expires_in", where))
    refresh, scope = found.get("refresh_token"), found.get("scope")
    return ForeignLogin(
        access_token=read_text(found, "access_token", where),
        refresh_token=refresh if isinstance(refresh, str) and refresh else None,
        expires_at=(now if created is None else created) + expires_in,
        expires_in=expires_in,
        created_at=created,
        scope=scope if isinstance(scope, str) else None,
    )


def write(login: ForeignLogin, text: str | None) -> str:  # noqa: ARG001 - as the other formats
    """Return the response with a login in it."""
    return json.dumps(response_of(login))


def response_of(login: ForeignLogin) -> dict[str, Any]:
    """Return a login as Trakt's response has it; without a refresh token the member is left out."""
    found: dict[str, Any] = {
        "access_token": login.access_token,
        "token_type": "bearer",
        "expires_in": login.expires_in,
        "refresh_token": login.refresh_token,
        "scope": login.scope or "public",
        "created_at": login.issued_at,
    }
    return {name: given for name, given in found.items() if given is not None}


def without_refresh_token(text: str) -> str:
    """Return the response with a null refresh token."""
    read_object(text, _PROGRAM)
    return replace_value(text, ["refresh_token"], None)
