"""The error of a database that cannot be used."""

from __future__ import annotations


class StorageUnavailable(Exception):
    """The database cannot be read or written at the moment.

    Attributes:
        hint: what to do about it, empty if naming another database is all that helps.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
