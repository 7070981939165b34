"""A token as Trakt's response has it, inside files of several formats.

`created_at` is optional: without it the token is taken to be new. `scope` is optional too.
"""

from __future__ import annotations

from typing import Any

from traktauth.migrate.formats._json_text import read_number, read_text
from traktauth.migrate.formats.foreign_login import ForeignLogin


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
