"""The profiles by name; a new engine version is a new package beside this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.engines.better_auth.profile import CURRENT
from traktauth.server.engines.doorkeeper.profile import CLASSIC

if TYPE_CHECKING:
    from traktauth.server.engines.base import Profile

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (CURRENT, CLASSIC)}
