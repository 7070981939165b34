"""The stores that logins were moved to, opened when a record leads to them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from traktauth.errors import LoginMoved, StoreFailed, TraktAuthError
from traktauth.models import LoginKey
from traktauth.models.store_address import SEALED, SERVER_STORES
from traktauth.stores.base import TokenStore
from traktauth.stores.open import open_store
from traktauth.stores.url import parse_store_url

_MOST_FOUND = 1024  # logins whose store is remembered
_NAME_IT = "name it as this program's store (TRAKTAUTH_STORE)"
_PASSWORD = "if it has a password, an environment variable of this program may hold its whole address"


class MovedStores:
    """The stores that logins of a client were moved to; shared by all accounts of the client.

    Attributes:
        found: the store in which a moved login was found.
    """

    def __init__(self) -> None:
        self.found: dict[LoginKey, TokenStore] = {}
        self._opened: dict[str, TokenStore] = {}

    def remember(self, login: LoginKey, store: TokenStore) -> None:
        """Remember where a login was found, so that the next object for this account begins there."""
        if len(self.found) >= _MOST_FOUND:
            self.found.clear()
        self.found[login] = store

    def open(self, moved: LoginMoved) -> TokenStore:
        """Open the store that a record names.

        Raises:
            LoginMoved: it cannot be opened here.
        """
        if not moved.store or not moved.is_finished:
            raise moved
        opened = self._opened.get(moved.store)
        if opened is not None:
            return opened
        try:
            store = open_store(with_own_password(moved.store, os.environ))
        except (TraktAuthError, ValueError) as error:
            raise cannot_follow(moved, str(error)) from error
        return self._opened.setdefault(moved.store, store)

    def close(self) -> None:
        """Close the stores that were opened."""
        opened = list(self._opened.values())
        self._opened.clear()
        self.found.clear()
        for store in opened:
            store.close()


def cannot_follow(moved: LoginMoved, reason: str) -> LoginMoved:
    """Return the error for a login whose store this program cannot use."""
    return LoginMoved(
        f"{moved.message}, which this program cannot use: {reason}",
        store=moved.store,
        generation=moved.generation,
        hint=f"Open it, or {_NAME_IT}; {_PASSWORD}",
    )


def with_own_password(address: str, environment: Mapping[str, str]) -> str:
    """Return a store's address with the password that an environment variable of this program has for it.

    A record holds no password. A variable such as TRAKTAUTH_STORE or DATABASE_URL counts if it names the same place
    apart from the password, so that a record can lead no password to another place. libpq itself takes passwords from
    its password and service files, by the host or the service: what could send them to another host is refused.

    Raises:
        ValueError: the address has a setting that no store of ours writes into a record, or a host beside a service.
    """
    start = SEALED if address.startswith(SEALED) else ""
    place = address.removeprefix(SEALED)
    if place.partition(":")[0] not in SERVER_STORES:
        return address
    own_names = ("cache", "connections", "prefix")
    for text in environment.values():
        own = text.removeprefix(SEALED)
        if own.partition(":")[0] not in SERVER_STORES:
            continue
        with suppress(ValueError):
            if parse_store_url(own, *own_names).address == place:
                return f"{start}{own}"
    found = parse_store_url(place)
    if found.address != place or found.names_service_and_host:
        raise ValueError("its address has settings that lead a password of this program to another host")
    return address


def check_found(moved: LoginMoved, generation: int) -> None:
    """Check what the other store has of a login: an empty place is another one than the login was moved to.

    Raises:
        LoginMoved: it has no such login.
    """
    if generation < moved.generation:
        raise cannot_follow(moved, "what can be reached there does not have the login")


def check_failure(moved: LoginMoved, error: StoreFailed) -> StoreFailed:
    """Return what is raised for a store that failed at its first use: LoginMoved if it will not work later either."""
    return error if error.temporary or error.of_one else cannot_follow(moved, error.message)
