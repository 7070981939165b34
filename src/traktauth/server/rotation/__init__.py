"""What becomes of a used refresh token: one file for each named mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.rotation.base import Rotation
from traktauth.server.rotation.family import Family
from traktauth.server.rotation.grace import Grace
from traktauth.server.rotation.once import Once
from traktauth.server.rotation.until_used import UntilUsed
from traktauth.server.settings import grace_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Family", "Grace", "Once", "Rotation", "UntilUsed", "rotation_named"]

MODES: dict[str, Callable[[], Rotation]] = {"family": Family, "once": Once, "until-used": UntilUsed}


def rotation_named(name: str) -> Rotation:
    """Give the mode with this name.

    Raises:
        ValueError: there is none.
    """
    if name in MODES:
        return MODES[name]()
    seconds = grace_seconds(name)
    if seconds is None:
        raise ValueError(f"rotation {name!r} is unknown; give one of {', '.join(MODES)}, grace:SECONDS")
    return Grace(seconds)
