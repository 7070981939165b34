"""When a keeper refreshes a login."""

from __future__ import annotations

from hashlib import blake2b

from traktauth.models.record import LoginKey
from traktauth.models.refresh_window import ADVISORY_SHARE
from traktauth.models.token import Token

# A keeper refreshes earlier, by up to this share more, so that a million sign-ins of one hour do not all come due in
# one hour again. Small, as a refresh that comes early is one more.
SPREAD = 0.04


def due_at(login: LoginKey, token: Token) -> float:
    """Return when a keeper refreshes a token, in Unix seconds; the same in every process."""
    text = f"{login.realm}\0{login.client_id}\0{login.account}\0{token.generation}"
    share = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest()) / 2**32
    return token.expires_at - token.expires_in * (ADVISORY_SHARE + SPREAD * share)
