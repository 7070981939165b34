"""A record that cannot be read, in a store that can."""

from __future__ import annotations

from traktauth.errors import StoreFailed

RESTORE = "Restore the store from a backup, or move it away and sign in again: traktauth login"


def unreadable(message: str, *, hint: str = RESTORE) -> StoreFailed:
    """Return the error for one login's record; whoever asks for many goes on with the next."""
    error = StoreFailed(message, hint=hint)
    error.of_one = True
    return error
