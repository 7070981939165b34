"""From an address to the store in a Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.stores.database.server_url import parse_store_url
from traktauth.stores.redis.database import AsyncRedisDatabase, RedisDatabase
from traktauth.stores.redis.keys import DEFAULT_PREFIX

if TYPE_CHECKING:
    from traktauth.stores.database.async_store import AsyncDatabaseStore
    from traktauth.stores.database.store import DatabaseStore
    from traktauth.stores.encryption.envelope import Cipher

CONNECTIONS = 32  # by default, for each store object and, in asyncio, each event loop


def open_redis(url: str, cipher: Cipher | None) -> DatabaseStore:
    """Return the store at an address.

    Raises:
        ValueError: it is not the address of a Redis.
        StoreFailed: redis-py is not installed.
    """
    from traktauth.stores.database.store import DatabaseStore  # noqa: PLC0415 - an async program has no use for it

    query = parse_store_url(url, "connections", "prefix")
    database = RedisDatabase(
        query.url,
        address=query.address,
        prefix=query.own.get("prefix", DEFAULT_PREFIX),
        connections=query.count("connections", CONNECTIONS),
    )
    return DatabaseStore(database, cipher=cipher)


def open_async_redis(url: str, cipher: Cipher | None) -> AsyncDatabaseStore:
    """Return the store at an address for asyncio; otherwise as `open_redis`."""
    from traktauth.stores.database.async_store import AsyncDatabaseStore  # noqa: PLC0415 - it imports asyncio

    query = parse_store_url(url, "connections", "prefix")
    database = AsyncRedisDatabase(
        query.url,
        address=query.address,
        prefix=query.own.get("prefix", DEFAULT_PREFIX),
        connections=query.count("connections", CONNECTIONS),
    )
    return AsyncDatabaseStore(database, cipher=cipher)
