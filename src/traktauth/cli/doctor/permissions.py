"""Who else may read or write a file or folder."""

from __future__ import annotations

import os
import shlex
import stat


def others_can_read(path: str) -> bool:
    """Return whether another user may read a file."""
    return bool(_mode(path) & (stat.S_IRGRP | stat.S_IROTH))


def others_can_write(path: str, *, sticky: bool = False) -> bool:
    """Return whether another user may write a file, or put another file in the place of one in a folder.

    Args:
        path: of a file or folder.
        sticky: count a folder with the sticky bit, such as /tmp. A user cannot replace another user's file
            there, but can create one first.
    """
    mode = _mode(path)
    safe = stat.S_ISDIR(mode) and mode & stat.S_ISVTX and not sticky
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH)) and not safe


def quote_path(path: str) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(path)


def _mode(path: str) -> int:
    """Return the mode; 0 if the file does not exist, or if permission bits have no meaning (Windows)."""
    if os.name == "nt":  # pragma: no cover - Windows has access lists, which stat does not show
        return 0
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - a path as text, as stores have it
    except OSError:
        return 0
