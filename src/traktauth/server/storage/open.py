"""Open the database that an address names; the only module that chooses one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from traktauth.server.config.settings import default_database
from traktauth.server.storage import sqlite
from traktauth.server.storage.base import StorageUnavailable
from traktauth.server.storage.sqlite import SqliteFile, SqliteMemory

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.storage.postgres.storage import PostgresStorage
    from traktauth.server.storage.protocol import OpenStorage

    RecordEvents = Callable[[list[str]], None]

NO_DRIVER = "PostgreSQL needs packages of its own: pip install 'traktauth[server,postgres]'"
STATES = {False: "new", True: "ready"}


def open_storage(address: str, record: RecordEvents) -> OpenStorage:
    """Open a database.

    Raises:
        StorageUnavailable: it cannot be used.
    """
    scheme, _, path = address.partition(":")
    if scheme == "memory":
        return SqliteMemory(record)
    if scheme == "sqlite":
        return SqliteFile(Path(path).expanduser(), record, makes_folder=address == default_database())
    if scheme in ("postgresql", "postgres"):
        return _postgres(address, record)
    raise AssertionError(f"the settings let {scheme!r} through")


def _postgres(address: str, record: RecordEvents) -> PostgresStorage:
    try:
        from traktauth.server.storage.postgres.storage import PostgresStorage  # noqa: PLC0415 - an extra, and costly
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("traktauth"):
            raise
        raise StorageUnavailable(NO_DRIVER) from None
    return PostgresStorage(address, record)


def database_state(address: str) -> str:
    """Return the state of a database without creating it: `new` or `ready`.

    Raises:
        StorageUnavailable: it cannot be used.
        ValueError: its address is invalid.
    """
    scheme, _, path = address.partition(":")
    if scheme == "memory":
        return "new"
    if scheme == "sqlite":
        file, needs_folder = Path(path).expanduser(), address != default_database()
        return STATES[sqlite.is_initialized(file, thorough=True, needs_folder=needs_folder)]
    try:
        from traktauth.server.storage.postgres.connection import parse_address  # noqa: PLC0415 - as above
        from traktauth.server.storage.postgres.schema import is_initialized  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise StorageUnavailable(NO_DRIVER) from error
    return STATES[is_initialized(parse_address(address))]
