"""Home Assistant's `.storage/core.config_entries`: the entry of the domain `trakt_tv`. Stop Home Assistant first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from traktauth.migrate.formats import FormatError
from traktauth.migrate.formats._json_text import optional_text, read_number, read_object, read_text, replace_value
from traktauth.migrate.formats.foreign_login import USUAL_LIFE, ForeignLogin

_PROGRAM = "Home Assistant"
_WHERE = "entry of trakt_tv with "
_LONGEST = 2**53  # seconds: no store takes any number


def usual_paths(_environ: Mapping[str, str]) -> list[Path]:
    """Return where Home Assistant keeps the file, below its configuration folder."""
    return [Path(".storage/core.config_entries")]


def read(text: str, *, now: float) -> ForeignLogin:
    """Return the login that a file holds."""
    data = _data(read_object(text, _PROGRAM))[1]
    token = _object(data.get("token"), "token")
    expires_at = read_number(token, "expires_at", _WHERE)
    given = token.get("expires_in")
    is_life = isinstance(given, int) and not isinstance(given, bool) and 0 < given < _LONGEST
    return ForeignLogin(
        access_token=read_text(token, "access_token", _WHERE),
        refresh_token=optional_text(token, "refresh_token"),
        expires_at=expires_at,
        expires_in=cast("int", given) if is_life else max(USUAL_LIFE, int(expires_at - now)),
        client_id=read_text(data, "client_id", _WHERE),
        client_secret=read_text(data, "client_secret", _WHERE),
        scope=optional_text(token, "scope"),
    )


def write(login: ForeignLogin, text: str | None) -> str:
    """Return the file with a login in its entry.

    Raises:
        FormatError: the file or the entry does not exist: only Home Assistant can make one.
    """
    if text is None:
        raise FormatError(
            "The file of Home Assistant does not exist", hint="Add the integration there first, and stop it"
        )
    found = read_object(text, _PROGRAM)
    data = _data(found)[1]
    data["token"] = {
        **_object(data.get("token"), "token"),
        "access_token": login.access_token,
        "refresh_token": login.refresh_token or "",
        "expires_in": login.expires_in,
        "expires_at": login.expires_at,
    }
    data |= {"client_id": login.client_id, "client_secret": login.client_secret}
    return json.dumps(found, indent=2, ensure_ascii=False)


def without_refresh_token(text: str) -> str:
    """Return the file with an empty refresh token in its entry."""
    index = _data(read_object(text, _PROGRAM))[0]
    return replace_value(text, ["data", "entries", index, "data", "token", "refresh_token"], "")


def _data(found: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return the place of the entry, and its data."""
    entries = _object(found.get("data"), "data").get("entries")
    if not isinstance(entries, list):
        raise FormatError("The file has no data.entries; core.config_entries of Home Assistant has them")
    found_entries = cast("tuple[Any, ...]", entries)
    places = [
        index
        for index, entry in enumerate(found_entries)
        if isinstance(entry, dict) and cast("dict[str, Any]", entry).get("domain") == "trakt_tv"
    ]
    if not places:
        raise FormatError("The file has no entry of the integration trakt_tv")
    if len(places) > 1:  # which one is meant cannot be known, and the other one's login must not be touched
        raise FormatError(
            f"The file has {len(places)} entries of the integration trakt_tv",
            hint="Remove all but one of them in Home Assistant, and stop it",
        )
    return places[0], _object(found_entries[places[0]].get("data"), "data of trakt_tv")


def _object(found: object, name: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise FormatError(f"The file has no {name}, or it is not an object")
    return cast("dict[str, Any]", found)
