"""From a store's address to the store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches

from traktauth.errors import StoreFailed
from traktauth.models.store_address import (
    LOCAL_STORES,
    POSTGRES_SCHEMES,
    REDIS_SCHEMES,
    SEALED,
    SERVER_STORES,
    is_store_address,
)
from traktauth.stores.base import TokenStore
from traktauth.stores.encryption.aes_gcm import AesGcmCipher, read_keys
from traktauth.stores.encryption.envelope import Cipher
from traktauth.stores.file.store import FileStore
from traktauth.stores.memory import MemoryStore
from traktauth.stores.url import without_password
from traktauth.stores.user_folders import user_folder

_KNOWN = "memory:, file:, file:/PATH.json, sqlite:/PATH, keyring:, redis://…, postgresql://…, sealed+ADDRESS"


def open_store(
    store: TokenStore | str, *, environment: Mapping[str, str] | None = None, takes_plain: bool = False
) -> TokenStore:
    """Return the store at an address; a store that is one already is returned as it is.

    Args:
        store: the store, or its address.
        environment: where `TRAKTAUTH_SEAL_KEY` and the like are looked up; by default this process's.
        takes_plain: let a sealed store take records that are not sealed, so that they can be sealed.

    Raises:
        TypeError: it is neither.
        ValueError: the kind of store is unknown, or its address or key cannot be right.
        StoreFailed: the platform names no folder for the default file, or a library is not installed.
    """
    if isinstance(store, TokenStore):
        return store
    if not isinstance(store, str):  # pyright: ignore[reportUnnecessaryIsInstance] - None, or an async store
        raise TypeError(f"store must be an address, such as 'file:', or a TokenStore, not {type(store).__name__}")
    cipher, scheme, rest = _read(store, environment, takes_plain=takes_plain)
    return _open(scheme, rest, cipher)


def _read(address: str, environment: Mapping[str, str] | None, *, takes_plain: bool) -> tuple[Cipher | None, str, str]:
    """Return what seals, the kind of the store, and the rest of its address."""
    sealed = address.startswith(SEALED)
    scheme, _, rest = address.removeprefix(SEALED).partition(":")
    if not is_store_address(address):
        meant = f"Did you mean {_meant(address)!r}? " if _meant(address) else ""
        raise ValueError(f"No store has the address {without_password(address)!r}. {meant}Use one of {_KNOWN}")
    if not sealed:
        return None, scheme, rest
    if scheme == "memory":
        raise ValueError("sealed+memory: would seal what never leaves this process; use memory:")
    if scheme == "keyring":
        raise ValueError("keyring: is sealed already, with a key of its own; use keyring:")
    return AesGcmCipher(read_keys(environment or os.environ), takes_plain=takes_plain), scheme, rest


def _meant(address: str) -> str:
    """Return the address that was meant: a path without its kind, or a misspelt kind; else an empty text."""
    scheme, colon, _ = address.partition(":")
    if colon:
        kinds = LOCAL_STORES | SERVER_STORES
        close = [] if scheme in kinds else get_close_matches(scheme, sorted(kinds), n=1)
        return f"{close[0]}:…" if close else ""  # the rest may hold a password
    kind = "sqlite" if address.endswith((".db", ".sqlite", ".sqlite3")) else "file"
    return f"{kind}:{address}" if "/" in address or "." in address else ""


def _open(scheme: str, rest: str, cipher: Cipher | None) -> TokenStore:
    if scheme in REDIS_SCHEMES:
        from traktauth.stores.redis.store import RedisStore  # noqa: PLC0415 - one store is imported, not all

        return RedisStore(f"{scheme}:{rest}", cipher=cipher)
    if scheme in POSTGRES_SCHEMES:
        from traktauth.stores.postgres.store import PostgresStore  # noqa: PLC0415 - see above

        return PostgresStore(f"{scheme}:{rest}", cipher=cipher)
    if scheme == "sqlite":
        from traktauth.stores.sqlite.store import SqliteStore  # noqa: PLC0415 - see above

        return SqliteStore(_path(rest, "tokens.db"), cipher=cipher)
    if scheme == "keyring":
        from traktauth.stores.keyring import KeyringStore  # noqa: PLC0415 - see above

        return KeyringStore(os.path.join(default_folder(), "keyring.json"))
    return MemoryStore() if scheme == "memory" else FileStore(_path(rest, "tokens.json"), cipher=cipher)


def _path(rest: str, default: str) -> str:
    if "\0" in rest:
        raise ValueError("A store's path has no NUL in it")
    if rest:
        return os.path.expanduser(rest)
    return os.path.join(default_folder(), default)


def default_folder() -> str:
    """Return the platform's folder for a user's data."""
    folder = user_folder("data")
    if folder is None:
        raise StoreFailed(
            "This user has no home folder to keep tokens in",
            hint="Name a file: store='file:/PATH.json'",
            hint_command="Name a file: --store file:/PATH.json, or TRAKTAUTH_STORE",
        )
    return folder
