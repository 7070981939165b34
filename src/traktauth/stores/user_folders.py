"""The platform's folders for a user's data and configuration, and the path of the configuration file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Literal

_LINUX = {"data": ("XDG_DATA_HOME", "~/.local/share"), "config": ("XDG_CONFIG_HOME", "~/.config")}


def user_folder(kind: Literal["data", "config"]) -> str | None:
    """Return traktauth's folder of a kind; None for a user without a home folder.

    Linux has two rules (the XDG base directories), which are applied here: platformdirs, which knows the other systems,
    takes as long to be imported as `traktauth token` has.
    """
    if sys.platform == "linux" and "ANDROID_DATA" not in os.environ:
        variable, usual = _LINUX[kind]
        parent = os.environ.get(variable, "")
        if not os.path.isabs(parent):
            parent = os.path.expanduser(usual)
        return os.path.join(parent, "traktauth") if os.path.isabs(parent) else None
    from platformdirs import user_config_dir, user_data_dir  # noqa: PLC0415 - see above

    try:
        folder = (user_data_dir if kind == "data" else user_config_dir)("traktauth", appauthor=False)
    except (KeyError, RuntimeError, OSError):
        return None
    return folder if os.path.isabs(folder) else None


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
