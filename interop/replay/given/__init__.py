"""What is given before a case's request is sent: set-ups by name."""

from __future__ import annotations

from interop.replay.given import authorizations, classic, codes, devices, revocations, series, tokens
from interop.replay.given.registry import CLASSIC, CURRENT

__all__ = ["SETUPS", "authorizations", "classic", "codes", "devices", "revocations", "series", "tokens"]

SETUPS = {"current": CURRENT, "classic": CLASSIC}
