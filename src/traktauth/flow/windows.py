"""How fresh a token is. Every margin is a share of the token's own life, so that no change of lifetimes breaks it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from traktauth.models.due import ADVISORY_SHARE

if TYPE_CHECKING:
    from traktauth.models import Token

MANDATORY_SHARE = 1 / 50
# More life left than the token ever had, by more than clocks of two machines differ: this clock was set back.
IMPLAUSIBLE = 86400.0


class Window(Enum):
    """What a token's age asks for."""

    FRESH = "use it"
    ADVISORY = "renew it if nobody is at it; meanwhile it is good"
    MANDATORY = "wait for the next one; where none can be had, it is good to its end"
    ENDED = "only a renewal helps"


def window(token: Token, now: float) -> Window:
    """Return the window that a token is in.

    Args:
        token: with `expires_in` and `expires_at`.
        now: Unix seconds.
    """
    left = token.expires_at - now
    if left > token.expires_in + IMPLAUSIBLE:
        return Window.MANDATORY  # its end cannot be told; the next pair's can
    if left > token.expires_in * ADVISORY_SHARE:
        return Window.FRESH
    if left <= 0:
        return Window.ENDED
    return Window.ADVISORY if left > token.expires_in * MANDATORY_SHARE else Window.MANDATORY
