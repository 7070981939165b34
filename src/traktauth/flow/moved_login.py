"""A login that was moved to another store, or is being moved: where to, and what the user can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.display import find_unsafe
from traktauth.errors import LoginRequired, TryLater
from traktauth.models.store_address import is_store_address

if TYPE_CHECKING:
    from traktauth.errors import TraktAuthError

MAX_ADDRESS = 2048  # characters of a store's address that a hint may contain


def moved_to(address: str) -> tuple[str, str]:
    """Return where a login was moved to, and the command that uses that store.

    The address stands in the record, so any program that can write the store can write anything there: what is not the
    address of a store is not shown, and the command is quoted for a shell.
    """
    if address.startswith("export:") and address.removeprefix("export:").isalpha():
        name = address.removeprefix("export:")
        return f"a file of the format {name}", f"Take it back: traktauth import {name}; or sign in: traktauth login"
    if not is_store_address(address) or find_unsafe(address) or len(address) > MAX_ADDRESS:
        return "an address that no store has", "Sign in again: traktauth login"
    import shlex  # noqa: PLC0415 - only a login that was moved needs it

    return address, f"Use that store: --store {shlex.quote(address)}, or TRAKTAUTH_STORE"


def being_moved(*, is_valid: bool) -> TraktAuthError:
    """Return why no refresh is sent during a move: the other store may have the token already, and then refreshes it.

    Args:
        is_valid: whether the access token is.
    """
    message = "This login is being moved to another store"
    if is_valid:
        return TryLater(message, retry_after=1.0, hint="If the move was interrupted, finish it: traktauth store move")
    return LoginRequired(message, reason="moved", hint="Finish it, then use that store: traktauth store move FROM TO")
