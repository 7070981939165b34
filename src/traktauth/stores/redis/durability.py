"""What about a Redis may lose a login: the promise reaches as far as the server's durability."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.log_fields import log_fields
from traktauth.stores.database.store import VERSION, check_version
from traktauth.stores.errors import DurabilityWarning
from traktauth.stores.redis.rows import RedisKeys

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


def find_warnings(answers: Sequence[Any]) -> list[str]:
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
