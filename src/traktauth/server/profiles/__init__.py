"""The two eras of Trakt's OAuth, one file each. A new engine version is a new file here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.profiles.classic import CLASSIC
from traktauth.server.profiles.current import CURRENT

if TYPE_CHECKING:
    from traktauth.server.profiles.base import Profile

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (CURRENT, CLASSIC)}
