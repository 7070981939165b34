"""What happens to a used refresh token, by the modes of `--rotation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.oauth.rotation.grace import Grace
from traktauth.server.oauth.rotation.reuse import RevokeFamily, SingleUse, UntilUsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.oauth.rotation.protocol import Rotation

MODES: dict[str, Callable[[], Rotation]] = {"family": RevokeFamily, "once": SingleUse, "until-used": UntilUsed}


def make_rotation(name: str, grace_seconds: float | None = None) -> Rotation:
    """Return a rotation mode.

    Args:
        name: a name in `MODES`, or `grace:SECONDS`.
        grace_seconds: the seconds in that name.

    Raises:
        ValueError: the mode is unknown.
    """
    if name in MODES:
        return MODES[name]()
    if grace_seconds is None:
        raise ValueError(f"rotation {name!r} is unknown; choose one of {', '.join(MODES)}, grace:SECONDS")
    return Grace(grace_seconds)
