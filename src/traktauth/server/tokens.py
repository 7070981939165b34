"""Tokens, codes, ids and secrets: generate and hash the strings that clients carry.

A token is 32 random characters (192 bits; RFC 6749 section 10.10 asks for 128). Only its hash is stored.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import NamedTuple

RANDOM_BYTES = 24  # 32 characters in base64, without padding


class Lifetimes(NamedTuple):
    """Lifetimes in seconds. A refresh token whose lifetime is None does not expire."""

    access: int
    refresh: int | None
    code: int
    device: int
    session: int


class IssuedTokens(NamedTuple):
    """The tokens of a response; the only place where they stand in the clear. Times in seconds.

    `pair` is the row id of the stored pair, `predecessor` that of the pair whose refresh token it was issued for.
    """

    access_token: str
    refresh_token: str | None
    expires_in: int
    created_at: int
    scope: str
    id_token: str | None = None
    pair: int = 0
    predecessor: int = 0

    def __repr__(self) -> str:
        return f"IssuedTokens(scope={self.scope!r}, expires_in={self.expires_in})"


def generate_token() -> str:
    """Generate a token, a code or a session cookie."""
    return base64.urlsafe_b64encode(secrets.token_bytes(RANDOM_BYTES)).decode()


def digest(token: str) -> bytes:
    """Hash a token as it is stored (SHA-256, cut to 128 bits)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()[:16]


def client_id() -> str:
    """Generate a client id: 64 hexadecimal digits, as Trakt's are."""
    return secrets.token_hex(32)
