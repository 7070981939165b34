"""Inspect a database file without creating one."""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
import tempfile
from pathlib import Path

from traktauth import private_files
from traktauth.server.storage.base import StorageUnavailable
from traktauth.server.storage.schema import COLUMNS, VERSION_1_TABLES, check_version

MAGIC = b"SQLite format 3\0"
BESIDE = ("-wal", "-shm")
ROOM_BYTES = 512 * 1024
"""What a start needs on the disk: the tables, the log that they are first written to, and its index."""


def is_initialized(path: Path, *, thorough: bool = False, alone: bool = False, needs_folder: bool = True) -> bool:
    """Whether a file with the tables is there already; nothing is made.

    Args:
        path: the file.
        thorough: whether to read every page, and to try whether there is room on the disk.
        needs_folder: whether its folder has to exist.
        alone: whether to leave out the log (`-wal`) that lies beside it.

    Raises:
        StorageUnavailable: it cannot be written, is damaged, was made by a newer version, or is something else.
    """
    try:
        path = Path(private_files.resolve(str(path)))
        private_files.check_database(str(path))
    except OSError as error:
        raise StorageUnavailable(f"The database {path} cannot be used: {error}") from error
    if needs_folder and not path.parent.exists():
        folder = shlex.quote(str(path.parent))
        raise StorageUnavailable(
            f"The database {path} cannot be used: the folder {path.parent} does not exist",
            hint=f"Make the folder: mkdir -p {folder}",
        )
    if path.is_dir():
        raise StorageUnavailable(f"The database {path} cannot be used: it is a folder; give a file in it")
    place = next((place for place in (path, *path.parents) if place.exists()), path)
    if not (_file_can_be_written(place) if place == path else _folder_can_be_written(place)):
        raise StorageUnavailable(f"The database {path} cannot be used: {place} cannot be written")
    if thorough:
        _check_room(path, place if place.is_dir() else place.parent)
    if place != path or not path.stat().st_size:
        return False
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise StorageUnavailable(f"The database {path} cannot be used: the file is not a database of SQLite")
        return _read(path, thorough=thorough, how="immutable=1" if alone else "mode=ro")
    except (OSError, sqlite3.Error) as error:
        raise StorageUnavailable(f"The database {path} cannot be used: {error}") from error


def _read(path: Path, *, thorough: bool, how: str) -> bool:
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as raw:
        names = {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
        found = {
            table: {column for (column,) in raw.execute("SELECT name FROM pragma_table_info(?)", (table,))}
            for table in (*COLUMNS, *VERSION_1_TABLES)
            if table in names
        }
        version = None
        if set(COLUMNS["meta"]) <= found.get("meta", set()):
            row = raw.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
            version = row and row[0]
        has_tables = check_version(f"The database {path}", version, found, has_others=bool(names)) is not None
        if thorough:
            (state,) = raw.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise StorageUnavailable(f"The database {path} is damaged: {state.splitlines()[-1]}")
    return has_tables


def _check_room(path: Path, folder: Path) -> None:
    """Try whether a start could write what it writes.

    Raises:
        StorageUnavailable: the disk is full, or the folder cannot be written.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(bytes(ROOM_BYTES))
            trial.flush()
            os.fsync(trial.fileno())
    except OSError as error:
        why = f"nothing can be written in {folder}: {error.strerror}"
        raise StorageUnavailable(f"The database {path} cannot be used: {why}") from error


def _file_can_be_written(path: Path) -> bool:
    return path.is_file() and os.access(path, os.W_OK)


def _folder_can_be_written(path: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=path):  # the superuser may write anywhere, and cannot in /proc
            return True
    except OSError:
        return False
