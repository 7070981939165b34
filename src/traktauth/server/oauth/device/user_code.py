"""The code that a user types in to sign in a device (RFC 8628 section 6.1)."""

from __future__ import annotations

import secrets

USER_CODE_LENGTH = 8
# Letters and digits without those that look alike (better-auth's device plugin, 1.6.33).
USER_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def generate_user_code() -> str:
    """Generate the code that a user types in."""
    return "".join(secrets.choice(USER_CODE_ALPHABET) for _ in range(USER_CODE_LENGTH))


def normalize_user_code(typed: str) -> str:
    """Return a user code that was typed in any case, with any punctuation."""
    return "".join(character for character in typed.upper() if character in USER_CODE_ALPHABET)
