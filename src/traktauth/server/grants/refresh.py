"""Trakt: *Exchange refresh_token for access_token*. What is given for a refresh token (RFC 6749 section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.grants.exchange import OFFLINE, OPENID
from traktauth.server.grants.identity import id_token
from traktauth.server.grants.issue import Holder, Issued, issue
from traktauth.server.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import Pair

Lost = tuple[int, str, str]


def successor(lost: Lost) -> Callable[[Attempt], Issued]:
    """Give the deed that rotates and issues the next pair; *lost* answers whoever was not the first."""

    def rotate(attempt: Attempt) -> Issued:
        pair, rotation = attempt.pair, attempt.terms.rotation
        if pair is None:
            raise RuntimeError("a check that finds the refresh token is missing from the list")
        again = rotation.again(attempt)
        if again is not None:
            return again
        if not rotation.turn(attempt):
            raise Refusal(*lost)
        parent = pair.id if rotation.keeps_parent else None
        known = (pair.family, pair.family_epoch)
        holder = Holder(pair.app, pair.person, pair.session, attempt.scope, True, known, parent)  # noqa: FBT003 - a record
        issued = issue(attempt, holder)[1]
        rotation.turned(attempt, issued)
        attempt.tables.events.append("rotations")
        return issued

    return rotate


def successor_by_scope(lost: Lost) -> Callable[[Attempt], Issued]:
    """Give the deed that rotates only what has, or asks for, `offline_access`.

    A refresh token that was narrowed to less keeps working and is not replaced (measured on better-auth 1.6.33).
    """
    rotate = successor(lost)

    def rotate_or_not(attempt: Attempt) -> Issued:
        pair = attempt.pair
        if pair is None:
            raise RuntimeError("a check that finds the refresh token is missing from the list")
        if OFFLINE in pair.scope.split() + attempt.scope.split():
            issued = rotate(attempt)
        else:
            issued = _narrowed(attempt, pair, lost)
        if OPENID in attempt.scope.split() and attempt.app is not None and issued.id_token is None:
            return issued._replace(id_token=id_token(attempt, attempt.app, person=pair.person, nonce=""))
        return issued

    return rotate_or_not


def _narrowed(attempt: Attempt, pair: Pair, lost: Lost) -> Issued:
    """Issue an access token alone, which belongs to the other family.

    That one is looked up before the presented token is looked at once more: both end together where the person revokes
    the app, so a token that still lives then has seen the other family as it was before that.
    """
    tables = attempt.tables
    family = tables.pairs.family(pair.app, pair.person, renewable=False)
    still = tables.pairs.numbered(pair.id)
    if still is None or not still.in_family:
        raise Refusal(*lost)
    return issue(attempt, Holder(pair.app, pair.person, pair.session, attempt.scope, renewable=False, family=family))[1]
