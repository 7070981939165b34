"""The values that the settings of a local Trakt may have, for the settings and for the options of `traktauth serve`."""

from __future__ import annotations

PROFILES = ("current", "classic")
ROTATIONS = ("family", "once", "until-used")
GRACE = "grace:"
"""A rotation too, followed by a number of seconds."""
RATE_LIMITS = ("off", "trakt")
