"""The one place that names redis-py: how it is connected, what its errors mean, and how durable the server is."""

from __future__ import annotations

import logging
import re
from collections.abc import Hashable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from traktauth.errors import StoreFailed
from traktauth.log_fields import log_fields
from traktauth.stores.database.store import VERSION, check_version
from traktauth.stores.errors import DurabilityWarning, missing
from traktauth.stores.open import find_warnings, is_local
from traktauth.stores.redis.rows import RedisKeys

try:
    from redis import BlockingConnectionPool, Redis, SSLConnection
    from redis.backoff import NoBackoff
    from redis.exceptions import (
        AuthenticationError,
        AuthorizationError,
        ClusterDownError,
        MasterDownError,
        OutOfMemoryError,
        ReadOnlyError,
        RedisError,
        ResponseError,
        TryAgainError,
    )
    from redis.retry import Retry
except ImportError as error:
    raise missing("redis", error) from error


__all__ = ["ERRORS", "connect", "exposure", "failure", "target"]

ERRORS = (RedisError, OSError)
_LIMIT = 5.0  # seconds for an answer, and for a connection
_DATABASE = re.compile(r"/?|/[0-9]+")  # at the end of an address; without one it is 0
_PASSING = (ClusterDownError, MasterDownError, OutOfMemoryError, TryAgainError)
_PASSING_WORDS = ("BUSY", "LOADING", "MISCONF", "NOREPLICAS", "OOM")


def connect(url: str, connections: int) -> Redis:
    """Return a client; it connects on the first command.

    Raises:
        ValueError: it is not the address of a Redis.
    """
    # Once more on a new connection, at once: every command of ours may be repeated, and one that had lain idle may be
    # dead unnoticed.
    return Redis(connection_pool=_pool(url, connections, retry=Retry(NoBackoff(), 1)))


def exposure(client: Redis) -> list[str]:
    """Return who else may read what goes to a Redis on another host, or reach it."""
    pool = client.connection_pool
    host, has_tls = pool.connection_kwargs.get("host"), issubclass(pool.connection_class, SSLConnection)
    if pool.connection_kwargs.get("path") or is_local(host):
        return []
    found = [] if has_tls else find_warnings("Redis", [str(host)], "use rediss://… in its address")
    if not pool.connection_kwargs.get("password"):
        found.append(
            f"The Redis at {host} asks for no password, so everyone who reaches it has the logins: "
            "set `requirepass`, and put the password into the address"
        )
    return found


def target(client: Redis) -> tuple[object, ...]:
    """Return which database a client speaks to."""
    settings: dict[str, Any] = client.connection_pool.connection_kwargs
    return tuple(settings.get(name) for name in ("host", "port", "path", "db"))


def _check_database(url: str) -> None:
    """Check the database that an address ends in: redis-py silently takes anything but a number for 0.

    Raises:
        ValueError: it is not a number; it is not repeated, as a password with a slash may be there.
    """
    parts = urlsplit(url)
    if parts.scheme != "unix" and not _DATABASE.fullmatch(unquote(parts.path)):
        raise ValueError("The databases of a Redis are numbers, so its address ends in one: redis://HOST:PORT/0")


def _pool(url: str, connections: int, retry: Retry) -> BlockingConnectionPool:
    _check_database(url)
    limits = {"socket_timeout": _LIMIT, "socket_connect_timeout": _LIMIT, "timeout": _LIMIT}
    try:
        # redis-py leaves its parameters without types
        pool = BlockingConnectionPool.from_url(url, max_connections=connections, retry=retry, **limits)  # pyright: ignore[reportUnknownMemberType]
        pool.connection_class(**pool.connection_kwargs)  # connects to nothing; refuses an unknown setting now
    except (ValueError, TypeError):
        # What is wrong with it is not said, as the password may be part of that.
        raise ValueError(
            "The store's address is not that of a Redis; use redis://[[USER]:PASSWORD@]HOST[:PORT][/N]"
        ) from None
    return pool


def failure(address: str, error: RedisError | OSError) -> StoreFailed:
    """Return what Redis or the network said as StoreFailed.

    Its cause is a copy of the driver's error, whose own traceback leads to what was sent. To keep that out, raise it
    outside of the `except` block.
    """
    failed = _failure(address, error)
    failed.__cause__ = RedisError(f"{type(error).__name__}: {error}")
    return failed


def _failure(address: str, error: RedisError | OSError) -> StoreFailed:
    if isinstance(error, AuthenticationError | AuthorizationError):
        hint = "Put user and password into the address, percent-encoded: redis://USER:PASSWORD@HOST"
        return StoreFailed(f"{address} refuses the user or the password", hint=hint)
    if isinstance(error, ReadOnlyError):
        failed = StoreFailed(f"{address} is a replica and takes no writes", hint="Name the primary in its place")
    elif isinstance(error, ResponseError):
        failed = StoreFailed(f"{address} cannot do it: {error}")
        failed.temporary = isinstance(error, _PASSING) or str(error).startswith(_PASSING_WORDS)
        return failed
    else:
        failed = StoreFailed(f"{address} cannot be reached: {error}")
    failed.temporary = True  # it may be back, or become the primary
    return failed


SETTINGS = ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")
_UNKNOWN = DurabilityWarning(
    "This Redis does not say how durable it is, as CONFIG GET is forbidden",
    "see that it has `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction`",
)
_warned: set[Hashable] = set()


def questions(keys: RedisKeys) -> list[tuple[Any, ...]]:
    """Return what is asked when a store is first used: whose keys these are, and how they are kept."""
    schema = keys.schema
    return [
        ("SETNX", schema, VERSION),
        ("GET", schema),
        ("ROLE",),
        *(("CONFIG", "GET", name) for name in SETTINGS),
    ]


def check_schema(address: str, answers: Sequence[Any]) -> None:
    """Refuse what another version, or another program, has written.

    Raises:
        StoreFailed: it is not ours to touch.
        Exception: what Redis answered instead.
    """
    written, version = answers[:2]
    if isinstance(version, bytes) and version.isdigit():  # also on a replica, which takes no writes but can be read
        return check_version(address, int(version))
    for reply in (written, version):
        if isinstance(reply, Exception) and not str(reply).startswith("WRONGTYPE"):
            raise reply
    raise StoreFailed(
        f"{address} holds keys of another program under our names; they are left as they are",
        hint="Give the store a prefix of its own: redis://…?prefix=NAME",
    )


def find_durability_warnings(answers: Sequence[Any]) -> list[str]:
    """Return what may lose a login, each with the setting that fixes it."""
    role, *replies = answers[2:]
    found: list[str] = []
    if isinstance(role, list) and role[0] == b"slave":
        found.append(DurabilityWarning("This Redis is a replica and takes no writes", "name the primary"))
    settings: dict[str, str] = {}
    for answer in replies:
        if isinstance(answer, Exception):
            return [*found, _UNKNOWN]
        settings.update(_pairs(answer))
    if settings.get("appendonly") != "yes":
        found.append(
            DurabilityWarning("A crash of this Redis loses logins", "set `appendonly yes` and `appendfsync always`")
        )
    elif settings.get("appendfsync") != "always":
        fsync = settings.get("appendfsync")
        found.append(
            DurabilityWarning(
                f"A crash of this Redis loses the last logins (`appendfsync {fsync}`)", "set `appendfsync always`"
            )
        )
    policy = settings.get("maxmemory-policy")
    if settings.get("maxmemory", "0") != "0" and policy != "noeviction":
        found.append(
            DurabilityWarning(
                f"A full Redis throws logins away (`maxmemory-policy {policy}`)", "set `maxmemory-policy noeviction`"
            )
        )
    return found


def warn_once(identity: Hashable, address: str, found: list[str]) -> None:
    """Log what may lose a login, once a process and place."""
    if identity not in _warned:
        _warned.add(identity)
        for problem in found:
            logging.getLogger("traktauth").warning("%s: %s", address, problem, extra=log_fields("store-not-durable"))


def _pairs(answer: dict[object, object] | list[object]) -> dict[str, str]:
    """Return settings: Redis's newer protocol has a mapping, its older one a list."""
    flat = [item for pair in answer.items() for item in pair] if isinstance(answer, dict) else answer
    texts = [item.decode() if isinstance(item, bytes) else str(item) for item in flat]
    return dict(zip(texts[::2], texts[1::2], strict=False))
