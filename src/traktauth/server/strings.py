"""The strings that clients carry: tokens, codes, ids and secrets, made and taken apart.

A carried string is 32 random characters (192 bits; RFC 6749 section 10.10 asks for 128) followed by its row's number:
it is found by that number and compared by hash, so nothing that could be carried is ever stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

RANDOM = 32
RANDOM_BYTES = 24  # which are that many characters in base64, without padding
LARGEST_ROW = 18  # digits; a row's number has 64 bits
USER_CODE_LENGTH = 8
# What is left of letters and digits without those that look alike (better-auth's device plugin, 1.6.33).
USER_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Fresh(NamedTuple):
    """A random part and the hash to keep of it."""

    text: str
    hash: bytes

    def carried(self, row: int) -> str:
        """Give the string for a client, once the row's number is known."""
        return f"{self.text}{row}"


def fresh() -> Fresh:
    """Make the random part of a token, code or session."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(RANDOM_BYTES)).decode()
    return Fresh(text, digest(text))


def two_fresh() -> tuple[Fresh, Fresh]:
    """Make two random parts at once, which costs less than one after the other."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(2 * RANDOM_BYTES)).decode()
    one, other = text[:RANDOM], text[RANDOM:]
    return Fresh(one, digest(one)), Fresh(other, digest(other))


def digest(text: str) -> bytes:
    """Hash a random part or a secret (SHA-256)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def row_of(carried: str) -> int:
    """Give the row's number in a carried string, 0 where it has none; only as it was given is it that string."""
    number = carried[RANDOM:]
    good = len(number) <= LARGEST_ROW and number.isascii() and number.isdigit() and number[0] != "0"
    return int(number) if good else 0


def is_of(carried: str, kept: bytes | None) -> bool:
    """Whether *kept* is the hash of this carried string, compared in constant time."""
    return kept is not None and hmac.compare_digest(digest(carried[:RANDOM]), kept)


def client_id() -> str:
    """Make an app's id: 64 hexadecimal digits, as Trakt's are."""
    return secrets.token_hex(32)


def user_code() -> str:
    """Make the code that a person types in."""
    return "".join(secrets.choice(USER_CODE_ALPHABET) for _ in range(USER_CODE_LENGTH))


def as_typed(user_code: str) -> str:
    """Read a user code as a person types it: in any case, with any punctuation (RFC 8628 section 6.1)."""
    return "".join(character for character in user_code.upper() if character in USER_CODE_ALPHABET)
