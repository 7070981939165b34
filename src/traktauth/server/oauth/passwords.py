"""Passwords: hashed with argon2id, checked in a worker thread, and generated for demo users."""

from __future__ import annotations

import asyncio
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# OWASP's second choice of parameters: 19 MiB, two passes. A sign-in must not stall a test server's small machine.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
HASHERS = 2
"""Passwords hashed at a time in a process: each takes its 19 MiB, and a thread does not give them back."""
MOST_WAITING = 100
"""Passwords that wait for a thread: some two seconds' work, after which a user would be told nothing for too long."""
WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory", "juniper", "koala", "lotus")


class TooBusy(Exception):
    """More passwords wait to be hashed than can be hashed soon."""


def generate_password() -> str:
    """Make a password that a user can copy from a screen (about 55 bits)."""
    return "-".join([secrets.choice(WORDS), secrets.token_hex(3), secrets.choice(WORDS), secrets.token_hex(3)])


def hash_password(password: str) -> str:
    """Hash a password (some 20 ms)."""
    return HASHER.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Return whether *kept* is the hash of this password, in the same time without one."""
    try:
        return HASHER.verify(kept or _nobodys(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


async def hash_password_async(password: str) -> str:
    """Hash a password without stalling others.

    Raises:
        TooBusy: too many passwords wait already.
    """
    return await _aside(hash_password, password)


async def verify_password_async(password: str, kept: str | None) -> bool:
    """Check a password without stalling others.

    Raises:
        TooBusy: too many passwords wait already.
    """
    return await _aside(matches, password, kept)


async def _aside(work: Callable[..., T], *values: object) -> T:
    pool = _hashers(os.getpid())
    if pool.waiting >= MOST_WAITING:
        raise TooBusy
    pool.waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, work, *values)
    finally:
        pool.waiting -= 1


class _Hashers(ThreadPoolExecutor):
    waiting = 0  # passwords that are hashed or wait for it; loops in several threads may miscount it by a few


@cache
def _hashers(process: int) -> _Hashers:  # noqa: ARG001 - a forked process has none of its parent's threads
    """Return the threads that hash, which the loops of a process share."""
    return _Hashers(HASHERS, thread_name_prefix="local-trakt-passwords")


@cache
def _nobodys() -> str:
    """Return a hash that no password has, for names that do not exist."""
    return hash_password(secrets.token_hex(16))
