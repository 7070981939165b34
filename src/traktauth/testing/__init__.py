"""What a test of a program that uses traktauth needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.testing.awaited import AsyncStoreContract
from traktauth.testing.contract import StoreContract

if TYPE_CHECKING:
    from traktauth.testing.local import LocalTrakt

__all__ = ["AsyncStoreContract", "LocalTrakt", "StoreContract"]


def __getattr__(name: str) -> object:
    if name == "LocalTrakt":  # it needs the extra `server`
        from traktauth.testing.local import LocalTrakt  # noqa: PLC0415 - on first use

        return LocalTrakt
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
