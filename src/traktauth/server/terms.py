"""What holds for every request of one server: the profile's numbers, with those that were overridden."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from traktauth.server.rotation import Rotation


class Lives(NamedTuple):
    """How long things live, in seconds. A refresh token whose life is None does not expire."""

    access: int
    refresh: int | None
    code: int
    device: int
    session: int


class Terms(NamedTuple):
    """Numbers and modes that rules go by.

    Attributes:
        lives: how long things live.
        scopes: the scopes there are.
        default_scope: what a client gets that names none, through Trakt's own paths.
        rotation: what becomes of a used refresh token.
        access_outlives: whether an access token lives on when its refresh token has been used.
        interval: seconds between two polls of a device code.
        issuer: who issues, an origin.
        strict: whether what the RFCs demand beyond Trakt is switched on.
    """

    lives: Lives
    scopes: tuple[str, ...]
    default_scope: str
    rotation: Rotation
    access_outlives: bool
    interval: int
    issuer: str
    strict: bool
