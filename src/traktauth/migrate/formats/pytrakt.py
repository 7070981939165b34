"""`.pytrakt.json`, which PyTrakt and PlexTraktSync keep. PyTrakt does not refresh while `OAUTH_REFRESH` is null."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_config_path

from traktauth.migrate.formats._json_text import (
    optional_text,
    read_number,
    read_object,
    read_object_of,
    read_text,
    replace_value,
)
from traktauth.migrate.formats.foreign_login import USUAL_LIFE, ForeignLogin

_PROGRAM = "PyTrakt"
_SOON = 3600.0  # seconds: a token of unknown age is refreshed at its first use


def usual_paths(environ: Mapping[str, str]) -> list[Path]:
    """Return where PyTrakt and PlexTraktSync keep the file."""
    folder = environ.get("PTS_CONFIG_DIR")
    given = [Path(folder).expanduser() / ".pytrakt.json"] if folder else []
    return [*given, Path.home() / ".pytrakt.json", user_config_path("PlexTraktSync") / ".pytrakt.json"]


def read(text: str, *, now: float) -> ForeignLogin:
    """Return the login that a file holds."""
    found = read_object(text, _PROGRAM)
    unknown = found.get("OAUTH_EXPIRES_AT") is None  # PyTrakt leaves it out after a sign-in by PIN
    expires_at = now + _SOON if unknown else read_number(found, "OAUTH_EXPIRES_AT")
    return ForeignLogin(
        access_token=read_text(found, "OAUTH_TOKEN"),
        refresh_token=optional_text(found, "OAUTH_REFRESH"),
        expires_at=expires_at,
        expires_in=max(USUAL_LIFE, int(expires_at - now)),
        client_id=read_text(found, "CLIENT_ID"),
        client_secret=optional_text(found, "CLIENT_SECRET"),
    )


def write(login: ForeignLogin, text: str | None) -> str:
    """Return the file with a login in it."""
    own = {
        "CLIENT_ID": login.client_id,
        "CLIENT_SECRET": login.client_secret,
        "OAUTH_EXPIRES_AT": int(login.expires_at),
        "OAUTH_REFRESH": login.refresh_token,
        "OAUTH_TOKEN": login.access_token,
    }
    found = read_object_of(text, {"APPLICATION_ID", *own}, _PROGRAM)
    return json.dumps({"APPLICATION_ID": None, **found, **own})


def without_refresh_token(text: str) -> str:
    """Return the file with a null refresh token."""
    read_object(text, _PROGRAM)
    return replace_value(text, ["OAUTH_REFRESH"], None)
