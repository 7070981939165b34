"""From an address to a Redis."""

from __future__ import annotations

from traktauth.stores.database.server_url import parse_store_url
from traktauth.stores.redis.database import RedisDatabase
from traktauth.stores.redis.keys import DEFAULT_PREFIX

CONNECTIONS = 32  # by default, for each store object


def open_redis(url: str) -> RedisDatabase:
    """Return the database at an address.

    Raises:
        ValueError: it is not the address of a Redis.
        StoreFailed: redis-py is not installed.
    """
    query = parse_store_url(url, "connections", "prefix")
    return RedisDatabase(
        query.url,
        address=query.address,
        prefix=query.own.get("prefix", DEFAULT_PREFIX),
        connections=query.count("connections", CONNECTIONS),
    )
