"""Records that cannot be read, in a store that can."""

from __future__ import annotations

from traktauth.errors import StoreFailed

RESTORE = "Restore the store from a backup, or move it away and sign in again: traktauth login"


def unreadable(message: str, *, hint: str = RESTORE) -> StoreFailed:
    """Return the error for one login's record; whoever asks for many goes on with the next."""
    error = StoreFailed(message, hint=hint)
    error.of_one = True
    return error


def problems_of(strays: int) -> list[str]:
    """Return what a store tells of records that name no login: nobody asks for them, so nobody else would."""
    if strays == 0:
        return []
    some = "A record names no login and is" if strays == 1 else f"{strays} records name no login and are"
    return [f"{some} left as found: restore the store from a backup, or sign in again where one is missed"]
