"""Where the configuration file is: a module of its own, as a help names it and needs no other setting."""

from __future__ import annotations

import os
from collections.abc import Mapping

from traktauth.stores.user_folders import user_folder

VARIABLE = "TRAKTAUTH_CONFIG"


def config_path(environ: Mapping[str, str]) -> str | None:
    """Return the configuration file: the one that `TRAKTAUTH_CONFIG` names, or the platform's where it exists."""
    named = environ.get(VARIABLE)
    if named:
        return named
    default = default_config_path()
    return default if default is not None and os.path.exists(default) else None


def default_config_path() -> str | None:
    """Return where the platform keeps the configuration file; None for a user without a home folder."""
    folder = user_folder("config")
    return None if folder is None else os.path.join(folder, "config.toml")
