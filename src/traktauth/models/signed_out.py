"""What a sign-out did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignedOut:
    """What a sign-out did.

    Attributes:
        revoked: whether anything was revoked at Trakt.
        left: whether a refresh token may still be valid at Trakt, because it could not be revoked safely.
    """

    revoked: bool
    left: bool
