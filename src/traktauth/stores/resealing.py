"""Bring every record of a store under the newest key, so that the old ones can be thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.stores.addresses import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from traktauth.models import Login


def reseal(address: str, *, environment: Mapping[str, str] | None = None) -> Iterator[tuple[Login, bool]]:
    """Seal what is not sealed, and what is by an older key; yields each login, and whether it had to be.

    A run that was cut off is simply run again.

    Args:
        address: of a sealed store; records in it may lie in clear until now.
        environment: where the keys are looked up; by default this process's.

    Raises:
        ValueError: it is no address of a sealed store.
        StoreFailed: the store cannot do its work, or a key for one of its records is not at hand.
    """
    if not address.startswith("sealed+"):
        raise ValueError("Name the store as sealed+ADDRESS, and its newest key first")
    store = open_store(address, environment=environment, takes_plain=True)
    try:
        store.check()
        for login in store.logins():
            yield login, store.reseal(login)
    finally:
        store.close()
