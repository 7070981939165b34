"""The Trakt user that a login belongs to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A Trakt user.

    Attributes:
        username: as Trakt writes it; the user may change it.
        uuid: stays the same (`user.ids.uuid`); None if Trakt gave none.
    """

    username: str
    uuid: str | None = None
