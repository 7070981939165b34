"""From an address to the store in a Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.stores.queries import read_query
from traktauth.stores.redis.performing import AsyncRedisDatabase, RedisDatabase

if TYPE_CHECKING:
    from traktauth.stores.database import DatabaseStore
    from traktauth.stores.fleets import DatabaseFleet
    from traktauth.stores.sealing import Sealer

_PREFIX = "traktauth"


def open_redis(url: str, sealer: Sealer | None) -> DatabaseStore:
    """Return the store at an address.

    Raises:
        ValueError: it is no address of a Redis.
        StoreFailed: redis-py is not installed.
    """
    from traktauth.stores.database import DatabaseStore  # noqa: PLC0415 - an async program has no use for it

    query = read_query(url, "cache", "prefix")
    database = RedisDatabase(query.url, address=query.address, prefix=query.own.get("prefix", _PREFIX))
    return DatabaseStore(database, sealer=sealer, cache=query.seconds("cache"))


def open_async_redis(url: str, sealer: Sealer | None) -> DatabaseFleet:
    """Return the store at an address for asyncio; otherwise as `open_redis`."""
    from traktauth.stores.fleets import DatabaseFleet  # noqa: PLC0415 - it imports asyncio

    query = read_query(url, "cache", "prefix")
    database = AsyncRedisDatabase(query.url, address=query.address, prefix=query.own.get("prefix", _PREFIX))
    return DatabaseFleet(database, sealer=sealer, cache=query.seconds("cache"))
