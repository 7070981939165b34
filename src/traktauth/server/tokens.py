"""Tokens, codes, ids and secrets: generate and hash the strings that clients carry.

A token has 192 random bits (RFC 6749 section 10.10 asks for 128). Only its hash is stored.

Passwords are hashed with scrypt, in a thread; verifiers of PKCE (RFC 7636) are compared with their challenges.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

RANDOM_BYTES = 24
TRAKT_VERIFIER = "local-trakt-constant-verifier-00000000000000000000"
"""The verifier of the challenge that Trakt's page adds for a client without one; it is public: it protects nothing."""
COST, BLOCK_SIZE = 2**10, 8
"""Scrypt's parameters: 1 MiB and 2-3 ms. The users are made for tests; their passwords are hashed in the event loop."""
WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory", "juniper", "koala", "lotus")
UNUSABLE = f"scrypt${'0' * 32}${'0' * 128}"
"""A hash that no password has, for names that do not exist."""


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
    return secrets.token_hex(RANDOM_BYTES)


def digest(token: str) -> bytes:
    """Hash a token as it is stored (SHA-256, cut to 128 bits)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()[:16]


def client_id() -> str:
    """Generate a client id: 64 hexadecimal digits, as Trakt's are."""
    return secrets.token_hex(32)


def s256(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


TRAKT_CHALLENGE = s256(TRAKT_VERIFIER)


def is_verifier_of(verifier: str, challenge: str, method: str = "S256") -> bool:
    """Return whether a verifier belongs to a challenge (RFC 7636 section 4.6), compared in constant time."""
    made = s256(verifier) if method == "S256" else verifier
    return hmac.compare_digest(made.encode("utf-8", "surrogatepass"), challenge.encode("utf-8", "surrogatepass"))


def generate_password() -> str:
    """Make a password that a user can copy from a screen (about 55 bits)."""
    return "-".join([secrets.choice(WORDS), secrets.token_hex(3), secrets.choice(WORDS), secrets.token_hex(3)])


def hash_password(password: str) -> str:
    """Hash a password."""
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def password_matches(password: str, stored: str | None) -> bool:
    """Return whether *stored* is the hash of this password; takes equally long without one."""
    _, salt, expected = (stored or UNUSABLE).split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)).hex(), expected) and stored is not None


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=COST, r=BLOCK_SIZE, p=1)
