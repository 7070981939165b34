"""When a pair is due for renewal. Every margin is a share of its own life, so that no change of lifetimes breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.models.record import Login
    from traktauth.models.token import Token

# With this share of its life left, a pair is renewed by whoever uses it.
ADVISORY_SHARE = 0.10
# A keeper comes before that, somewhere within this share more, so that a million sign-ins of one hour do not come due
# in one hour again. Small, as each renewal that comes early is one more.
SPREAD = 0.04


def due_at(login: Login, token: Token) -> float:
    """Return when a keeper renews a pair, in Unix seconds; the same for everybody who asks."""
    from hashlib import blake2b  # noqa: PLC0415 - costs milliseconds, and only a fleet's store needs it

    text = f"{login.realm}\0{login.client_id}\0{login.account}\0{token.generation}"
    share = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest()) / 2**32
    return token.expires_at - token.expires_in * (ADVISORY_SHARE + SPREAD * share)
