"""A file that holds a token as Trakt's own response has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from traktauth.migrate.formats._json_text import (
    read_object,
    read_object_of,
    read_token,
    replace_value,
    response_of,
)
from traktauth.migrate.formats.foreign_login import ForeignLogin

_PROGRAM = "Trakt"


def usual_paths(_environ: Mapping[str, str]) -> list[Path]:
    """Return none: a token response comes from standard input."""
    return []


def read(text: str, *, now: float) -> ForeignLogin:
    """Return the login that a file holds."""
    return read_token(read_object(text, _PROGRAM), now=now)


def write(login: ForeignLogin, text: str | None) -> str:
    """Return the response with a login in it."""
    read_object_of(text, {"access_token"}, _PROGRAM)
    return json.dumps(response_of(login))


def without_refresh_token(text: str) -> str:
    """Return the response with a null refresh token."""
    read_object(text, _PROGRAM)
    return replace_value(text, ["refresh_token"], None)
