"""The one place that names redis-py: how it is connected, and what its errors mean."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from traktauth.errors import StoreFailed
from traktauth.stores.extras import missing

try:
    from redis import BlockingConnectionPool, Redis
    from redis.asyncio import BlockingConnectionPool as AsyncPool
    from redis.asyncio import Redis as AsyncRedis
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.exceptions import AuthenticationError, RedisError, ResponseError
    from redis.retry import Retry
except ImportError as error:
    raise missing("redis", error) from error

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["connect", "connect_async", "failures", "target"]

_LIMIT = 5.0  # seconds for an answer, and for a connection
_CONNECTIONS = 32
_DATABASE = re.compile(r"/?|/[0-9]+")  # at the end of an address; without one it is 0
_HINT = "See what is wrong with it: traktauth doctor"


def connect(url: str) -> Redis:
    """Return a client; it connects on the first command.

    Raises:
        ValueError: it is no address of a Redis.
    """
    # Once more on a new connection, at once: every command of ours may be repeated, and one that had lain idle may be
    # dead without anybody knowing.
    return Redis(connection_pool=_pool(BlockingConnectionPool, url, retry=Retry(NoBackoff(), 1)))


def connect_async(url: str) -> AsyncRedis:
    """Return a client for one event loop; otherwise as `connect`."""
    return AsyncRedis(connection_pool=_pool(AsyncPool, url, retry=AsyncRetry(NoBackoff(), 1)))


def target(client: Redis | AsyncRedis) -> tuple[object, ...]:
    """Return which database a client speaks to."""
    settings: dict[str, Any] = client.connection_pool.connection_kwargs
    return tuple(settings.get(name) for name in ("host", "port", "path", "db"))


def _check_database(url: str) -> None:
    """Look at the database that an address ends in: redis-py takes one that is no number for 0, and says nothing.

    Raises:
        ValueError: it is no number; it is not repeated, as a password that holds a slash may have come to stand there.
    """
    parts = urlsplit(url)
    if parts.scheme != "unix" and not _DATABASE.fullmatch(unquote(parts.path)):
        raise ValueError("The databases of a Redis are numbers, so its address ends in one: redis://HOST:PORT/0")


def _pool(kind: Any, url: str, **settings: Any) -> Any:  # noqa: ANN401 - blocking and async ones have no common type
    _check_database(url)
    limits = {"socket_timeout": _LIMIT, "socket_connect_timeout": _LIMIT, "timeout": _LIMIT}
    try:
        return kind.from_url(url, max_connections=_CONNECTIONS, **limits, **settings)
    except (ValueError, TypeError):
        # What is wrong with it is not said, as the password may be part of that.
        raise ValueError(
            "The store's address is none of a Redis: use redis://[[USER]:PASSWORD@]HOST[:PORT][/N]"
        ) from None


@contextmanager
def failures(address: str) -> Generator[None]:
    """Turn what Redis and the network say into StoreFailed."""
    try:
        yield
    except AuthenticationError as error:
        hint = "Put user and password into the address, percent-encoded: redis://USER:PASSWORD@HOST"
        raise StoreFailed(f"{address} refuses the user or the password", hint=hint) from error
    except ResponseError as error:
        raise StoreFailed(f"{address} cannot do it: {error}", hint=_HINT) from error
    except (RedisError, OSError) as error:
        raise StoreFailed(f"{address} cannot be reached: {error}", hint=_HINT) from error
