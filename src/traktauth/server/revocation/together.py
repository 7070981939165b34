"""Revocation where a pair dies together (Doorkeeper 5.6.6).

Two of the engine's holes are not copied: a refresh token whose access token has expired is revoked too, and the token
of a public app is revoked only by that app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.finding import pair_of_access, pair_of_refresh
from traktauth.server.refusals import Refusal
from traktauth.server.rotation.base import REVOKED

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import Pair

NOT_YOURS = (403, "unauthorized_client", "You are not authorized to revoke this token")


def pair_named(attempt: Attempt) -> Pair | None:
    """Give the pair that the parameter `token` belongs to; the hint `refresh_token` is taken at its word."""
    token = attempt.given("token")
    if attempt.given("token_type_hint") == "refresh_token":
        return pair_of_refresh(attempt.tables, token)
    return pair_of_access(attempt.tables, token) or pair_of_refresh(attempt.tables, token)


def revoke(attempt: Attempt) -> dict[str, Any]:
    """Revoke both tokens of the pair; an unknown token is as good as revoked (RFC 7009 section 2.2).

    Raises:
        Refusal: it is another app's.
    """
    pair = pair_named(attempt)
    if pair is not None:
        if attempt.app is None or pair.app != attempt.app.id:
            raise Refusal(*NOT_YOURS)
        attempt.tables.pairs.end_access(pair.id, REVOKED)
        attempt.tables.pairs.end_refresh(pair.id, REVOKED)
        attempt.tables.apps.disallow(pair.app, pair.person)
    return {}
