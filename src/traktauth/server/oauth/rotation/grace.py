"""Mode `grace:SECONDS`: for that long a used refresh token gets the same response again.

The response is stored encrypted, under a key derived from the old token, which the server does not have: the database
alone does not reveal it. It is deleted after the seconds; from then on the token is refused.
"""

from __future__ import annotations

import json
import secrets
from importlib.util import find_spec
from typing import TYPE_CHECKING

from traktauth.server.oauth.rotation.protocol import ROTATED
from traktauth.server.oauth.rotation.reuse import SingleUse
from traktauth.server.tokens import IssuedTokens

if TYPE_CHECKING:
    from traktauth.server.storage.models import TokenPair
    from traktauth.server.storage.repositories import Repositories

NONCE = 12
PURPOSE = b"traktauth local Trakt: the answer to a refresh, kept for its grace"
"""A part of the key: responses that were cached by an earlier version are read with it, too."""


class Grace(SingleUse):
    """A used refresh token gets the same response again for *seconds*.

    Raises:
        ValueError: the package `cryptography` is not installed.
    """

    def __init__(self, seconds: float) -> None:
        if find_spec("cryptography") is None:
            raise ValueError("rotation grace:SECONDS needs the package cryptography")
        self._seconds = seconds
        self.purge_seconds: float | None = seconds

    def accepts(self, db: Repositories, pair: TokenPair, *, now: float) -> bool:
        """Refuse a used token unless its response is cached."""
        return _cached_bytes(pair, now) is not None or super().accepts(db, pair, now=now)

    def cached_response(self, pair: TokenPair, token: str, *, now: float) -> IssuedTokens | None:
        """Decrypt the cached response."""
        cached = _cached_bytes(pair, now)
        return None if cached is None else decrypt(cached, token)

    def after_issue(self, db: Repositories, pair: TokenPair, token: str, issued: IssuedTokens, *, now: float) -> None:
        """Cache the response, encrypted."""
        db.tokens.cache_response(pair.id, encrypt(issued, token), until=now + self._seconds)
        db.tokens.purge_cached_responses(now=now)


def encrypt(issued: IssuedTokens, token: str) -> bytes:
    """Encrypt a response under a key derived from the refresh token that it was issued for."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - optional

    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(_key(token)).encrypt(nonce, json.dumps(issued).encode(), PURPOSE)


def decrypt(cached: bytes, token: str) -> IssuedTokens:
    """Decrypt a response."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - optional

    return IssuedTokens(*json.loads(AESGCM(_key(token)).decrypt(cached[:NONCE], cached[NONCE:], PURPOSE)))


def _cached_bytes(pair: TokenPair, now: float) -> bytes | None:
    if pair.refresh_ended != ROTATED or pair.cached_until is None:
        return None
    return pair.cached_response if now < pair.cached_until else None


def _key(token: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - optional

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(token.encode())
