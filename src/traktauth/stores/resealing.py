"""Bring every record of a store under the newest key, so that the old ones can be thrown away."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.stores.addresses import open_store
from traktauth.stores.sealed import key_id, read_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from traktauth.models import Login
    from traktauth.stores.base import TokenStore


@dataclass(frozen=True, slots=True)
class Resealed:
    """One login, and what became of it.

    Attributes:
        login: whose.
        changed: whether it was not sealed, or by another key, until now.
        key: the id of the key that it is sealed with now; None where it is with none, or that cannot be told.
        error: why it cannot be opened, and so was left as it is; None where it can.
    """

    login: Login
    changed: bool
    key: str | None
    error: StoreFailed | None = None


def key_ids(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the ids of the keys at hand, newest first.

    Raises:
        ValueError, StoreFailed: as for `read_keys`.
    """
    return list(dict.fromkeys(map(key_id, read_keys(environment or os.environ))))


def reseal(address: str, *, environment: Mapping[str, str] | None = None) -> Iterator[Resealed]:
    """Seal what is not sealed, and what is by an older key; yields each login, and what became of it.

    A run that was cut off is simply run again.

    Args:
        address: of a sealed store; records in it may lie in clear until now.
        environment: where the keys are looked up; by default this process's.

    Raises:
        ValueError: it is no address of a sealed store.
        StoreFailed: the store cannot do its work.
    """
    if not address.startswith("sealed+"):
        raise ValueError("Name the store as sealed+ADDRESS, and its newest key first")
    store = open_store(address, environment=environment, takes_plain=True)
    try:
        store.check()
        newest = key_ids(environment)[0]
        for login in store.logins():
            yield _resealed(store, login, newest)
    finally:
        store.close()


def _resealed(store: TokenStore, login: Login, newest: str) -> Resealed:
    try:
        changed = store.reseal(login)
        if not changed:
            store.load(login)  # whether it can be opened
    except StoreFailed as error:
        if not error.of_one:
            raise
        return Resealed(login, changed=False, key=store.sealed_with(login), error=error)
    return Resealed(login, changed, newest)
