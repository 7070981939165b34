"""From an address to a PostgreSQL."""

from __future__ import annotations

from traktauth.stores.database.server_url import parse_store_url
from traktauth.stores.postgres.database import PostgresDatabase

CONNECTIONS = 16  # by default, for each store object


def open_postgres(url: str) -> PostgresDatabase:
    """Return the database at an address.

    Raises:
        ValueError: it is not the address of a PostgreSQL.
        StoreFailed: psycopg is not installed.
    """
    query = parse_store_url(url, "connections")
    return PostgresDatabase(query.url, address=query.address, connections=query.count("connections", CONNECTIONS))
