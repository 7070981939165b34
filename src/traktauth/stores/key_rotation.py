"""Bring every record of a store under the newest key, so that the old ones can be thrown away."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey
from traktauth.models.changes import Reencrypt
from traktauth.stores.base import TokenStore
from traktauth.stores.encryption import key_id, read_keys
from traktauth.stores.open import open_store
from traktauth.timeouts import LOCK_TIMEOUT


@dataclass(frozen=True, slots=True)
class Resealed:
    """One login, and what became of it.

    Attributes:
        login: whose.
        changed: whether it was not sealed, or by another key or in an older way, until now.
        key: the id of the key that it is sealed with now; None where it is with none, or that cannot be told.
        was_plain: whether it lay there unencrypted until now.
        error: why it was left as it is: it cannot be opened, or is being refreshed; None if it was not.
    """

    login: LoginKey
    changed: bool
    key: str | None
    was_plain: bool = False
    error: StoreFailed | None = None


def key_ids(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the ids of the available keys, newest first.

    Raises:
        ValueError: the address names no store that can be encrypted.
        StoreFailed: a key cannot be read, or the store cannot be read or written.
    """
    return list(dict.fromkeys(map(key_id, read_keys(environment or os.environ))))


def reseal(
    address: str, *, take_plain: bool = False, environment: Mapping[str, str] | None = None
) -> Iterator[Resealed]:
    """Seal what is sealed by an older key or in an older way; yields each login, and what became of it.

    A run that was cut off is simply run again.

    Args:
        address: of a sealed store.
        take_plain: seal what lies there unencrypted too. Anybody who can write to the store may have put it there.
        environment: where the keys are looked up; by default this process's.

    Raises:
        ValueError: it is not the address of a sealed store.
        StoreFailed: the store cannot do its work.
    """
    if not address.startswith("sealed+"):
        raise ValueError("Name the store as sealed+ADDRESS, and its newest key first")
    store = open_store(address, environment=environment, takes_plain=take_plain)
    try:
        store.check_writable()
        newest = key_ids(environment)[0]
        for login in store.list_logins():
            yield _reseal(store, login, newest)
    finally:
        store.close()


def _reseal(store: TokenStore, login: LoginKey, newest: str) -> Resealed:
    """Reseal one login under its lock: a program without the newest key could not save the token of its refresh."""
    with store.lock(login, LOCK_TIMEOUT) as held:
        if held:
            return _reseal_locked(store, login, newest)
    busy = StoreFailed("Another program is refreshing this login, so it was left as it is", hint="Run it again")
    return Resealed(login, changed=False, key=store.encryption_key_id(login), error=busy)


def _reseal_locked(store: TokenStore, login: LoginKey, newest: str) -> Resealed:
    try:
        plain = store.encryption_key_id(login) is None
        changed = store.apply(login, Reencrypt())
        if not changed:
            store.load(login)  # whether it can be opened
    except StoreFailed as error:
        if not error.of_one:
            raise
        return Resealed(login, changed=False, key=store.encryption_key_id(login), error=error)
    return Resealed(login, changed, newest, was_plain=plain and changed)
