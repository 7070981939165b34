"""Which addresses name a store; nothing is opened to find out."""

from __future__ import annotations

LOCAL_STORES = frozenset({"memory", "file", "sqlite", "keyring"})
REDIS_SCHEMES = frozenset({"redis", "rediss", "unix"})
POSTGRES_SCHEMES = frozenset({"postgresql", "postgres"})
SERVER_STORES = REDIS_SCHEMES | POSTGRES_SCHEMES
SEALED = "sealed+"
EXPORT = "export:"  # begins what a record says of a login that was exported to a file

_PATHLESS = frozenset({"memory", "keyring"})


def is_shared_store(address: str) -> bool:
    """Return whether an address names a store that `traktauth keep` can use: several processes can share it."""
    kind = address.removeprefix(SEALED).partition(":")[0]
    return kind in SERVER_STORES or kind == "sqlite"


def is_store_address(address: str) -> bool:
    """Return whether an address has the form of a store's: a kind that exists, and what that kind takes after it."""
    kind, colon, rest = address.removeprefix(SEALED).partition(":")
    if not colon:
        return False
    if kind in SERVER_STORES:
        return rest.startswith("//")
    return kind in LOCAL_STORES and not (kind in _PATHLESS and rest)
