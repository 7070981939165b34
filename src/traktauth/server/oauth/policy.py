"""The token policy of one server: the profile's values (see the engine's `profile.py`), overridden by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from traktauth.server.oauth.rotation import Rotation
    from traktauth.server.tokens import Lifetimes


class TokenPolicy(NamedTuple):
    """Numbers and modes that the rules use.

    Attributes:
        lifetimes: how long tokens, codes and sessions are valid.
        scopes: the scopes of this server.
        default_scope: the scope of a request that names none, at Trakt's paths.
        rotation: what happens to a used refresh token.
        access_outlives: whether an access token stays valid when its refresh token has been used.
        interval: seconds between two polls of a device code.
        issuer: the server's issuer identifier, an origin.
    """

    lifetimes: Lifetimes
    scopes: tuple[str, ...]
    default_scope: str
    rotation: Rotation
    access_outlives: bool
    interval: int
    issuer: str
