"""Mode `until-used`: a used refresh token works on until the new access token is first used.

Measured on Doorkeeper 5.6.6 with `previous_refresh_token`: ten refreshes at once get ten pairs; the first use of any
new access token ends the pair that it came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.rotation.base import ROTATED
from traktauth.server.rotation.once import Once

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import Pair
    from traktauth.server.storage.tables import Tables
    from traktauth.server.terms import Terms


class UntilUsed(Once):
    """A refresh token works until its successor's access token has been used."""

    keeps_parent = True

    def turn(self, attempt: Attempt) -> bool:
        """Leave the token as it is; only one that has ended meanwhile is refused."""
        return attempt.pair is not None


def first_used(tables: Tables, pair: Pair, terms: Terms) -> None:
    """End the pair that *pair* came from, now that its own access token has been used."""
    if pair.parent is None:
        return
    tables.pairs.end_refresh(pair.parent, ROTATED)
    if not terms.access_outlives:
        tables.pairs.end_access(pair.parent, ROTATED)
    tables.pairs.forget_parent(pair.id)
