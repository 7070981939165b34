"""Where the programs keep their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def default_path(format_name: str, environ: Mapping[str, str]) -> Path | None:
    """Return the first file that is there of a format's usual places, else the first place; None: standard input."""
    places = _places(format_name, environ)
    return next((path for path in places if path.exists()), places[0]) if places else None


def _places(format_name: str, environ: Mapping[str, str]) -> list[Path]:
    match format_name:
        case "pytrakt":
            from platformdirs import user_config_path  # noqa: PLC0415 - only here

            folder = environ.get("PTS_CONFIG_DIR")
            given = [Path(folder).expanduser() / ".pytrakt.json"] if folder else []
            return [*given, Path.home() / ".pytrakt.json", user_config_path("PlexTraktSync") / ".pytrakt.json"]
        case "kometa":
            return [Path("config/config.yml")]
        case "homeassistant":
            return [Path(".storage/core.config_entries")]
        case _:
            return []
