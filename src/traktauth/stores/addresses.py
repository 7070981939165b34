"""From a store's address to the store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.stores.base import TokenStore

if TYPE_CHECKING:
    from traktauth.stores.abase import AsyncTokenStore

_KNOWN = "memory:, file:, file:/PATH.json"


def open_store(store: TokenStore | str) -> TokenStore:
    """Return the store at an address; a store that is one already is returned as it is.

    Raises:
        ValueError: there is no such kind of store.
        StoreFailed: the platform names no folder for the default file.
    """
    if isinstance(store, TokenStore):
        return store
    scheme, mark, rest = store.partition(":")
    if scheme == "memory" and mark and not rest:
        from traktauth.stores.memory import MemoryStore  # noqa: PLC0415 - one store is imported, not all

        return MemoryStore()
    if scheme == "file" and mark:
        from traktauth.stores.file import FileStore  # noqa: PLC0415 - the same

        return FileStore(_file_path(rest))
    raise ValueError(f"No store has the address {_without_password(store)!r}; use one of {_KNOWN}")


def open_async_store(store: AsyncTokenStore | TokenStore | str) -> AsyncTokenStore:
    """Return the store at an address for asyncio; a blocking store is given threads to work in.

    Raises:
        ValueError, StoreFailed: as for `open_store`.
    """
    if not isinstance(store, str | TokenStore):
        return store
    from traktauth.stores.threads import InThread  # noqa: PLC0415 - it imports asyncio

    return InThread(open_store(store))


def _file_path(rest: str) -> str:
    if "\0" in rest:
        raise ValueError("A store's path has no NUL in it")
    if rest:
        return os.path.expanduser(rest)
    return os.path.join(_default_folder(), "tokens.json")


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


def _without_password(address: str) -> str:
    """Return an address as it may be shown: what stands before an @ is left out."""
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else address
