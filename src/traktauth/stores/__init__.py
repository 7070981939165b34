"""Where logins are kept. A refresh token is sent by one caller, and no token replaces a newer one.

`open_store` opens the store at an address. A store of your own is a `TextStore` (four methods on a place for texts), or
implements `TokenStore` or `AsyncTokenStore` in full. `FleetStore` is what a keeper needs beside that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.stores.base import AsyncTokenStore, TokenStore
    from traktauth.stores.fleet import FleetStore
    from traktauth.stores.open import open_store
    from traktauth.stores.text_store import TextStore

__all__ = ["AsyncTokenStore", "FleetStore", "TextStore", "TokenStore", "open_store"]

# Imported on first use, so that a program pays for the store that it has.
_LATER = {
    "AsyncTokenStore": "traktauth.stores.base",
    "FleetStore": "traktauth.stores.fleet",
    "TextStore": "traktauth.stores.text_store",
    "TokenStore": "traktauth.stores.base",
    "open_store": "traktauth.stores.open",
}


if not TYPE_CHECKING:  # a type checker would take every misspelt name for one of this function's

    def __getattr__(name: str) -> object:
        if name in _LATER:
            return getattr(import_module(_LATER[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
