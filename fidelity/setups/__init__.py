"""Setups by name: the state that a case's request is sent in."""

from __future__ import annotations

from fidelity.setups import authorizations, classic, codes, devices, request_series, revocations, tokens
from fidelity.setups.registry import CLASSIC, CURRENT

__all__ = ["SETUPS", "authorizations", "classic", "codes", "devices", "request_series", "revocations", "tokens"]

SETUPS = {"current": CURRENT, "classic": CLASSIC}
