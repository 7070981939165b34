"""Tokens, codes, ids and secrets: generate and take apart the strings that clients carry.

A token is 32 random characters (192 bits; RFC 6749 section 10.10 asks for 128) followed by the id of its row: it is
found by that id and compared by hash, so no token is ever stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

RANDOM = 32
RANDOM_BYTES = 24  # which are that many characters in base64, without padding
LARGEST_ROW = 18  # digits; a row id has 64 bits


class OpaqueToken(NamedTuple):
    """A random part and its hash, which is stored."""

    text: str
    hash: bytes

    def with_row_id(self, row: int) -> str:
        """Return the token for a client, once its row has an id."""
        return f"{self.text}{row}"


class Lifetimes(NamedTuple):
    """Lifetimes in seconds. A refresh token whose lifetime is None does not expire."""

    access: int
    refresh: int | None
    code: int
    device: int
    session: int


class IssuedTokens(NamedTuple):
    """The tokens of a response; the only place where they stand in the clear. Times in seconds."""

    access_token: str
    refresh_token: str | None
    expires_in: int
    created_at: int
    scope: str
    id_token: str | None = None

    def __repr__(self) -> str:
        return f"IssuedTokens(scope={self.scope!r}, expires_in={self.expires_in})"


def generate_token() -> OpaqueToken:
    """Generate the random part of a token, code or session cookie."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(RANDOM_BYTES)).decode()
    return OpaqueToken(text, digest(text))


def generate_token_pair() -> tuple[OpaqueToken, OpaqueToken]:
    """Generate two random parts at once, which costs less than one after the other."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(2 * RANDOM_BYTES)).decode()
    first, second = text[:RANDOM], text[RANDOM:]
    return OpaqueToken(first, digest(first)), OpaqueToken(second, digest(second))


def digest(text: str) -> bytes:
    """Hash a random part or a secret (SHA-256)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def row_id(token: str) -> int:
    """Return the row id in a token, 0 if it has none or not in the form that it was issued in."""
    number = token[RANDOM:]
    is_valid = len(number) <= LARGEST_ROW and number.isascii() and number.isdigit() and number[0] != "0"
    return int(number) if is_valid else 0


def verify_token(token: str, stored: bytes | None) -> bool:
    """Return whether *stored* is the hash of this token, compared in constant time."""
    return stored is not None and hmac.compare_digest(digest(token[:RANDOM]), stored)


def client_id() -> str:
    """Generate a client id: 64 hexadecimal digits, as Trakt's are."""
    return secrets.token_hex(32)
