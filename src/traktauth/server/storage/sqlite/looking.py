"""Look what a file is, without making one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from typing import TYPE_CHECKING

from traktauth.server.storage.base import Row, StorageDown
from traktauth.server.storage.schema import judge

if TYPE_CHECKING:
    from pathlib import Path


def looked_at(path: Path) -> bool:
    """Whether a file with the tables is there already; nothing is made.

    Raises:
        StorageDown: it cannot be written, was made by a newer version, or is something else.
    """
    place = next((place for place in (path, *path.parents) if place.exists()), path)
    if not (_file_can_be_written(place) if place == path else _folder_can_be_written(place)):
        raise StorageDown(f"The database {path} cannot be used: {place} cannot be written")
    if place != path or not path.stat().st_size:
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as raw:
            tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            found: Row | None = None
            if "meta" in tables:
                found = raw.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    except sqlite3.Error as error:
        raise StorageDown(f"The database {path} cannot be used: {error}") from error
    return judge(found[0] if found else None, foreign=bool(tables))


def _file_can_be_written(path: Path) -> bool:
    return path.is_file() and os.access(path, os.W_OK)


def _folder_can_be_written(path: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=path):  # the superuser may write anywhere, and cannot in /proc
            return True
    except OSError:
        return False
