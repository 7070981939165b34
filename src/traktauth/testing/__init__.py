"""What a test of a program that uses traktauth needs: a local Trakt, pytest fixtures, the contract of a store."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.testing.local import LocalTrakt
    from traktauth.testing.store_contract import AsyncStoreContract, StoreContract

__all__ = ["AsyncStoreContract", "LocalTrakt", "StoreContract"]

# Imported on first use: pytest imports this package in every run, for the plugin.
_LATER = {
    "AsyncStoreContract": "traktauth.testing.store_contract",
    "LocalTrakt": "traktauth.testing.local",  # it needs the extra `server`
    "StoreContract": "traktauth.testing.store_contract",
}


if not TYPE_CHECKING:  # a type checker would take every misspelt name for one of this function's

    def __getattr__(name: str) -> object:
        if name in _LATER:
            return getattr(import_module(_LATER[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
