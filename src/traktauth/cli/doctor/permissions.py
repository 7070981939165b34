"""Who else may read or write a file or folder."""

from __future__ import annotations

import os
import shlex
import stat


def others_can_read(path: str) -> bool:
    """Tell whether another user may read a file."""
    return bool(_mode(path) & (stat.S_IRGRP | stat.S_IROTH))


def others_can_write(path: str) -> bool:
    """Tell whether another user may write a file, or put another file in the place of one in a folder.

    In a folder with the sticky bit, such as /tmp, nobody can replace another user's file.
    """
    mode = _mode(path)
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH)) and not (stat.S_ISDIR(mode) and mode & stat.S_ISVTX)


def quoted(path: str) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(path)


def _mode(path: str) -> int:
    """Return the mode; 0 where there is no such file, or permissions do not say who may (Windows)."""
    if os.name == "nt":  # pragma: no cover - Windows has access lists, which stat does not show
        return 0
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - a path as text, as stores have it
    except OSError:
        return 0
