"""Passwords: hashed with scrypt, in a thread, and generated for demo users."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets

COST, BLOCK_SIZE = 2**13, 8
"""Scrypt's parameters: 8 MiB and some 20 ms, as a sign-in must not stall a test server's small machine."""
WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory", "juniper", "koala", "lotus")
UNUSABLE = f"scrypt${'0' * 32}${'0' * 128}"
"""A hash that no password has, for names that do not exist."""


def generate_password() -> str:
    """Make a password that a user can copy from a screen (about 55 bits)."""
    return "-".join([secrets.choice(WORDS), secrets.token_hex(3), secrets.choice(WORDS), secrets.token_hex(3)])


def hash_password(password: str) -> str:
    """Hash a password."""
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def matches(password: str, stored: str | None) -> bool:
    """Return whether *stored* is the hash of this password; takes equally long without one."""
    _, salt, expected = (stored or UNUSABLE).split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)).hex(), expected) and stored is not None


async def hash_password_async(password: str) -> str:
    """Hash a password without blocking other requests."""
    return await asyncio.to_thread(hash_password, password)


async def verify_password_async(password: str, stored: str | None) -> bool:
    """Check a password without blocking other requests."""
    return await asyncio.to_thread(matches, password, stored)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=COST, r=BLOCK_SIZE, p=1)
