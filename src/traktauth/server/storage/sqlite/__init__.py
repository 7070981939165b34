"""SQLite; its driver is imported in this package alone."""

from __future__ import annotations

from traktauth.server.storage.sqlite.inspection import is_initialized
from traktauth.server.storage.sqlite.storage import SqliteFile, SqliteMemory

__all__ = ["SqliteFile", "SqliteMemory", "is_initialized"]
