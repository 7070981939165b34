"""Mode `grace:SECONDS`: for so long a used refresh token gets the same answer again.

The answer rests encrypted under a key derived from the old token itself, which the server does not have: who reads the
database cannot open it. It is dropped when the seconds are over; from then on the token is refused.
"""

from __future__ import annotations

import json
import secrets
from importlib.util import find_spec
from typing import TYPE_CHECKING

from traktauth.server.grants.issue import Issued
from traktauth.server.rotation.base import ROTATED
from traktauth.server.rotation.once import Once

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt

NONCE = 12
PURPOSE = b"traktauth local Trakt: the answer to a refresh, kept for its grace"


class Grace(Once):
    """A used refresh token gets the same answer again for *seconds*.

    Raises:
        ValueError: the package `cryptography` is not installed.
    """

    def __init__(self, seconds: float) -> None:
        if find_spec("cryptography") is None:
            raise ValueError("rotation grace:SECONDS needs the package cryptography")
        self._seconds = seconds
        self.tidy_seconds: float | None = seconds

    def admits(self, attempt: Attempt) -> bool:
        """Refuse a used token unless its answer is still kept."""
        return self._kept(attempt) is not None or super().admits(attempt)

    def again(self, attempt: Attempt) -> Issued | None:
        """Open the kept answer."""
        kept = self._kept(attempt)
        return None if kept is None else unsealed(kept, attempt.given("refresh_token"))

    def turned(self, attempt: Attempt, answer: Issued) -> None:
        """Keep the answer, sealed."""
        if attempt.pair is not None:
            kept = sealed(answer, attempt.given("refresh_token"))
            attempt.tables.pairs.keep(attempt.pair.id, kept, until=attempt.now + self._seconds)
            attempt.tables.pairs.drop_kept(now=attempt.now)

    @staticmethod
    def _kept(attempt: Attempt) -> bytes | None:
        pair = attempt.pair
        if pair is None or pair.refresh_ended != ROTATED or pair.kept_until is None:
            return None
        return pair.kept if attempt.now < pair.kept_until else None


def sealed(answer: Issued, token: str) -> bytes:
    """Encrypt an answer under a key derived from the token it was given for."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - optional

    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(_key(token)).encrypt(nonce, json.dumps(answer).encode(), PURPOSE)


def unsealed(kept: bytes, token: str) -> Issued:
    """Decrypt an answer."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - optional

    return Issued(*json.loads(AESGCM(_key(token)).decrypt(kept[:NONCE], kept[NONCE:], PURPOSE)))


def _key(token: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - optional

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(token.encode())
