"""A store of your own, in 30 lines: a table of any SQL database, here SQLite's.

`tests/examples/test_own_store.py` runs every promise of a store on it. `Trakt(app, store=TableStore("app.db"))` has it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from traktauth.stores import TextStore

if TYPE_CHECKING:
    from collections.abc import Generator


class TableStore(TextStore):
    """Records in a table."""

    failures = (sqlite3.Error,)

    def __init__(self, path: str) -> None:
        super().__init__(f"table:{path}")
        self.path = path
        self._do("CREATE TABLE IF NOT EXISTS logins (key TEXT PRIMARY KEY, text TEXT)")

    def read(self, key: str) -> str | None:
        return next((text for (text,) in self._do("SELECT text FROM logins WHERE key = ?", key)[1]), None)

    def swap(self, key: str, old: str | None, new: str) -> bool:
        if old is None:
            return self._do("INSERT OR IGNORE INTO logins VALUES (?, ?)", key, new)[0] == 1
        return self._do("UPDATE logins SET text = ? WHERE key = ? AND text = ?", new, key, old)[0] == 1

    def keys(self) -> list[str]:
        return [key for (key,) in self._do("SELECT key FROM logins")[1]]

    @contextmanager
    def locked(self, key: str, timeout: float) -> Generator[bool]:
        with closing(sqlite3.connect(f"{self.path}.{key}.lock", timeout=timeout, isolation_level=None)) as lock:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                yield False
            else:
                yield True  # closing the connection frees it, and so does the system if its holder dies

    def _do(self, statement: str, *values: str) -> tuple[int, list[Any]]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
            cursor = connection.execute(statement, values)
            return cursor.rowcount, cursor.fetchall()
