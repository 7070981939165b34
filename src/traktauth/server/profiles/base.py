"""What a profile is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.authorization.ending import Authorize
    from traktauth.server.doors.base import Endpoint
    from traktauth.server.terms import Lives, Terms


@dataclass(frozen=True)
class Profile:
    """An era of Trakt's OAuth.

    Attributes:
        name: what `--profile` takes.
        measured_on: the engine and its version whose answers the rules reproduce.
        lives: how long things live, in seconds.
        scopes: the scopes there are.
        default_scope: what a client gets that names none, through Trakt's own paths.
        rotation: what becomes of a used refresh token, by name.
        access_outlives: whether an access token lives on when its refresh token has been used.
        interval: seconds between two polls of a device code.
        endpoints: the protocol's addresses.
        authorize: how authorization requests are answered.
        native_authorize: the engine's own address for them, besides Trakt's, or None.
        metadata: what the server says about itself (RFC 8414).
    """

    name: str
    measured_on: str
    lives: Lives
    scopes: tuple[str, ...]
    default_scope: str
    rotation: str
    access_outlives: bool
    interval: int
    endpoints: tuple[Endpoint, ...]
    authorize: Authorize
    native_authorize: str | None
    metadata: Callable[[Terms], dict[str, Any]]
