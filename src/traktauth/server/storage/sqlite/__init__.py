"""SQLite: the one room that names its driver."""

from __future__ import annotations

from traktauth.server.storage.sqlite.looking import looked_at
from traktauth.server.storage.sqlite.storages import SqliteFile, SqliteMemory

__all__ = ["SqliteFile", "SqliteMemory", "looked_at"]
