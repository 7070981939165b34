"""From an address to the store in a PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.stores.postgres.performing import AsyncPostgresDatabase, PostgresDatabase
from traktauth.stores.queries import read_query

if TYPE_CHECKING:
    from traktauth.stores.database import DatabaseStore
    from traktauth.stores.fleets import DatabaseFleet
    from traktauth.stores.sealing import Sealer


def open_postgres(url: str, sealer: Sealer | None) -> DatabaseStore:
    """Return the store at an address.

    Raises:
        ValueError: it is no address of a PostgreSQL.
        StoreFailed: psycopg is not installed.
    """
    from traktauth.stores.database import DatabaseStore  # noqa: PLC0415 - an async program has no use for it

    query = read_query(url, "cache")
    database = PostgresDatabase(query.url, address=query.address)
    return DatabaseStore(database, sealer=sealer, cache=query.seconds("cache"))


def open_async_postgres(url: str, sealer: Sealer | None) -> DatabaseFleet:
    """Return the store at an address for asyncio; otherwise as `open_postgres`."""
    from traktauth.stores.fleets import DatabaseFleet  # noqa: PLC0415 - it imports asyncio

    query = read_query(url, "cache")
    database = AsyncPostgresDatabase(query.url, address=query.address)
    return DatabaseFleet(database, sealer=sealer, cache=query.seconds("cache"))
