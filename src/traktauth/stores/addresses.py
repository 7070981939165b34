"""From a store's address to the store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.stores.base import TokenStore
from traktauth.stores.passwords import without_password

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.stores.abase import AsyncTokenStore
    from traktauth.stores.sealing import Sealer

_KNOWN = "memory:, file:, file:/PATH.json, sqlite:/PATH, keyring:, redis://…, postgresql://…, sealed+ADDRESS"
_SEALED = "sealed+"
_REDIS = {"redis", "rediss", "unix"}
_POSTGRES = {"postgresql", "postgres"}
_SERVERS = _REDIS | _POSTGRES


def open_store(
    store: TokenStore | str, *, environment: Mapping[str, str] | None = None, takes_plain: bool = False
) -> TokenStore:
    """Return the store at an address; a store that is one already is returned as it is.

    Args:
        store: the store, or its address.
        environment: where `TRAKTAUTH_SEAL_KEY` and the like are looked up; by default this process's.
        takes_plain: let a sealed store take records that are not sealed, so that they can be sealed.

    Raises:
        ValueError: there is no such kind of store, or its address or key cannot be right.
        StoreFailed: the platform names no folder for the default file, or a library is not installed.
    """
    if isinstance(store, TokenStore):
        return store
    sealer, scheme, rest = _read(store, environment, takes_plain=takes_plain)
    if scheme in _REDIS:
        from traktauth.stores.redis.opening import open_redis  # noqa: PLC0415 - one store is imported, not all

        return open_redis(f"{scheme}:{rest}", sealer)
    if scheme in _POSTGRES:
        from traktauth.stores.postgres.opening import open_postgres  # noqa: PLC0415 - the same

        return open_postgres(f"{scheme}:{rest}", sealer)
    return _open_local(scheme, rest, sealer)


def open_async_store(
    store: AsyncTokenStore | TokenStore | str,
    *,
    environment: Mapping[str, str] | None = None,
    takes_plain: bool = False,
) -> AsyncTokenStore:
    """Return the store at an address for asyncio; a blocking store is given threads to work in.

    Raises:
        ValueError, StoreFailed: as for `open_store`.
    """
    if not isinstance(store, str | TokenStore):
        return store
    if isinstance(store, str):
        sealer, scheme, rest = _read(store, environment, takes_plain=takes_plain)
        if scheme in _REDIS:
            from traktauth.stores.redis.opening import open_async_redis  # noqa: PLC0415 - see above

            return open_async_redis(f"{scheme}:{rest}", sealer)
        if scheme in _POSTGRES:
            from traktauth.stores.postgres.opening import open_async_postgres  # noqa: PLC0415 - see above

            return open_async_postgres(f"{scheme}:{rest}", sealer)
        if scheme == "sqlite":
            from traktauth.stores.bridged import Bridged  # noqa: PLC0415 - the same
            from traktauth.stores.fleets import DatabaseFleet  # noqa: PLC0415 - it imports asyncio
            from traktauth.stores.sqlite.performing import SqliteDatabase  # noqa: PLC0415 - see above

            return DatabaseFleet(Bridged(SqliteDatabase(_path(rest, "tokens.db"))), sealer=sealer)
        store = _open_local(scheme, rest, sealer)
    from traktauth.stores.threads import InThread  # noqa: PLC0415 - it imports asyncio

    return InThread(store)


def _read(address: str, environment: Mapping[str, str] | None, *, takes_plain: bool) -> tuple[Sealer | None, str, str]:
    """Return what seals, the kind of the store, and the rest of its address."""
    sealed = address.startswith(_SEALED)
    scheme, mark, rest = address.removeprefix(_SEALED).partition(":")
    known = {"memory", "file", "sqlite", "keyring"} | _SERVERS
    if (
        not mark
        or scheme not in known
        or (scheme in {"memory", "keyring"} and rest)
        or (scheme in _SERVERS and not rest.startswith("//"))
    ):
        raise ValueError(f"No store has the address {without_password(address)!r}; use one of {_KNOWN}")
    if not sealed:
        return None, scheme, rest
    if scheme == "memory":
        raise ValueError("sealed+memory: would seal what never leaves this process; use memory:")
    if scheme == "keyring":
        raise ValueError("keyring: is sealed already, with a key of its own; use keyring:")
    from traktauth.stores.sealed import Seal, read_keys  # noqa: PLC0415 - see above

    return Seal(read_keys(environment or os.environ), takes_plain=takes_plain), scheme, rest


def _open_local(scheme: str, rest: str, sealer: Sealer | None) -> TokenStore:
    if scheme == "sqlite":
        from traktauth.stores.database import DatabaseStore  # noqa: PLC0415 - see above
        from traktauth.stores.sqlite.performing import SqliteDatabase  # noqa: PLC0415 - see above

        return DatabaseStore(SqliteDatabase(_path(rest, "tokens.db")), sealer=sealer)
    if scheme == "memory":
        from traktauth.stores.memory import MemoryStore  # noqa: PLC0415 - see above

        return MemoryStore()
    if scheme == "keyring":
        from traktauth.stores.keyring import KeyringStore  # noqa: PLC0415 - see above

        return KeyringStore(os.path.join(_default_folder(), "keyring.json"))
    from traktauth.stores.file import FileStore  # noqa: PLC0415 - see above

    return FileStore(_path(rest, "tokens.json"), sealer=sealer)


def _path(rest: str, default: str) -> str:
    if "\0" in rest:
        raise ValueError("A store's path has no NUL in it")
    if rest:
        return os.path.expanduser(rest)
    return os.path.join(_default_folder(), default)


def _default_folder() -> str:
    """Return the platform's folder for a user's data."""
    from platformdirs import user_data_dir  # noqa: PLC0415 - only the default needs it

    try:
        folder = user_data_dir("traktauth", appauthor=False)
    except (KeyError, RuntimeError, OSError):
        folder = "~"
    if not os.path.isabs(folder):
        raise StoreFailed(
            "This user has no home folder to keep tokens in",
            hint="Name a file: --store file:/PATH.json, or TRAKTAUTH_STORE",
        )
    return folder
