"""Passwords: hashed with argon2id, checked off the event loop, invented where a demo user needs one."""

from __future__ import annotations

import asyncio
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second choice of parameters: 19 MiB, two passes. A sign-in must not stall a test server's small machine.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
HASHERS = 2
"""Passwords hashed at a time in a process: each takes its 19 MiB, and a thread does not give them back."""
WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory", "juniper", "koala", "lotus")


def invented() -> str:
    """Make a password that a person can copy from a screen (about 55 bits)."""
    return "-".join([secrets.choice(WORDS), secrets.token_hex(3), secrets.choice(WORDS), secrets.token_hex(3)])


def hashed(password: str) -> str:
    """Hash a password (some 20 ms)."""
    return HASHER.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Whether *kept* is the hash of this password; takes as long where there is nothing to compare with."""
    try:
        return HASHER.verify(kept or _nobodys(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


async def hashed_aside(password: str) -> str:
    """Hash a password without stalling others."""
    return await asyncio.get_running_loop().run_in_executor(_hashers(os.getpid()), hashed, password)


async def matches_aside(password: str, kept: str | None) -> bool:
    """Check a password without stalling others."""
    return await asyncio.get_running_loop().run_in_executor(_hashers(os.getpid()), matches, password, kept)


@cache
def _hashers(process: int) -> ThreadPoolExecutor:  # noqa: ARG001 - a forked process has none of its parent's threads
    """Give the threads that hash, which the loops of a process share."""
    return ThreadPoolExecutor(HASHERS, thread_name_prefix="local-trakt-passwords")


@cache
def _nobodys() -> str:
    """A hash that no password has, for names that do not exist."""
    return hashed(secrets.token_hex(16))
