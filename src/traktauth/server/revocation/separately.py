"""Revocation where access and refresh token die separately (measured on better-auth 1.6.33).

Revoking an access token leaves its refresh token alive; revoking a refresh token ends the access token issued with it,
but not those from before the last rotation. A used refresh token that is sent here counts as a replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.finding import pair_of_access, pair_of_refresh
from traktauth.server.refusals import Refusal
from traktauth.server.rotation.base import REVOKED, is_used

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import App

ACCESS, REFRESH = "access_token", "refresh_token"


def revoke(attempt: Attempt) -> bool:
    """Revoke the token; False where it is another app's, which leaves it alive.

    Raises:
        Refusal: there is no such token of the hinted kind, or it is a used refresh token.
    """
    app, hint = attempt.app, attempt.given("token_type_hint")
    if app is None:
        raise RuntimeError("a check that finds the app is missing from the list")
    token = attempt.given("token").removeprefix("Bearer ")
    if hint != REFRESH:
        done = _revoke_access(attempt, app, token)
        if done is not None:
            return done
        if hint == ACCESS:
            raise Refusal(400, "invalid_request", "Invalid access token")
    return _revoke_refresh(attempt, app, token)


def _revoke_access(attempt: Attempt, app: App, token: str) -> bool | None:
    pair = pair_of_access(attempt.tables, token)
    if pair is None or pair.access_ended:
        return None
    return pair.app == app.id and attempt.tables.pairs.end_access(pair.id, REVOKED)


def _revoke_refresh(attempt: Attempt, app: App, token: str) -> bool:
    pair = pair_of_refresh(attempt.tables, token)
    if pair is None:
        raise Refusal(400, "invalid_request", "token not found")
    if is_used(pair):
        epoch = pair.family_epoch if pair.app == app.id else None
        attempt.terms.rotation.replay(attempt.tables, app=app.id, person=pair.person, epoch=epoch)
        hinted = attempt.given("token_type_hint") == REFRESH
        raise Refusal(400, "invalid_request", "refresh token revoked" if hinted else "token not found")
    if pair.app != app.id:
        return False
    attempt.tables.pairs.end_access(pair.id, REVOKED)
    return attempt.tables.pairs.end_refresh(pair.id, REVOKED)
