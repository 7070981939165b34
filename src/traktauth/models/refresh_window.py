"""When a token is due for a refresh: every margin is a share of its lifetime, whatever Trakt makes that."""

from __future__ import annotations

from enum import Enum
from hashlib import blake2b

from traktauth.models.record import LoginKey
from traktauth.models.token import Token

# With less than this share of its lifetime left, a token is refreshed by the next caller that uses it.
ADVISORY_SHARE = 0.10
# With less than this share left, callers wait for the refresh.
MANDATORY_SHARE = 0.02
# A keeper refreshes earlier, by up to this share more, so that a million sign-ins of one hour do not all come due in
# one hour again. Small, as a refresh that comes early is one more.
SPREAD = 0.04
# Seconds of lifetime left beyond what the token ever had, more than the clocks of two machines differ: this clock was
# set back.
IMPLAUSIBLE = 86400.0


class RefreshWindow(Enum):
    """What a token's remaining lifetime requires."""

    FRESH = "use it"
    ADVISORY = "refresh it if no other caller does; until then it is used"
    MANDATORY = "wait for the refresh; if that fails, use it until it expires"
    EXPIRED = "it cannot be used"


def refresh_window(token: Token, now: float) -> RefreshWindow:
    """Return the window that a token is in.

    Args:
        token: with `expires_in` and `expires_at`.
        now: Unix seconds.
    """
    left = token.expires_at - now
    if left > token.expires_in + IMPLAUSIBLE:
        return RefreshWindow.MANDATORY  # its expiry cannot be relied on; the next token's can
    if left > token.expires_in * ADVISORY_SHARE:
        return RefreshWindow.FRESH
    if left <= 0:
        return RefreshWindow.EXPIRED
    return RefreshWindow.ADVISORY if left > token.expires_in * MANDATORY_SHARE else RefreshWindow.MANDATORY


def due_at(login: LoginKey, token: Token) -> float:
    """Return when a keeper refreshes a token, in Unix seconds; the same in every process."""
    text = f"{login.realm}\0{login.client_id}\0{login.account}\0{token.generation}"
    share = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest()) / 2**32
    return token.expires_at - token.expires_in * (ADVISORY_SHARE + SPREAD * share)
