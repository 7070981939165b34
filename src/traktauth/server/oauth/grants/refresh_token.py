"""Trakt: *Exchange refresh_token for access_token* (RFC 6749 section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.oauth.grants.authorization_code import OFFLINE, OPENID
from traktauth.server.oauth.grants.id_token import id_token

if TYPE_CHECKING:
    from traktauth.server.oauth.request import TokenRequest
    from traktauth.server.tokens import IssuedTokens


def rotate_by_scope(request: TokenRequest) -> IssuedTokens:
    """Rotate only a token that has, or requests, `offline_access`.

    A refresh token that was narrowed to less keeps working and is not replaced (measured on better-auth 1.6.33).
    """
    scopes = request.scope.split()
    is_offline = OFFLINE in scopes or OFFLINE in request.token_pair.scope.split()
    issued = rotate(request) if is_offline else _issue_access_token(request)
    if OPENID in scopes and issued.id_token is None:
        return issued._replace(id_token=id_token(request, user=request.token_pair.user_id, nonce=""))
    return issued


def rotate(request: TokenRequest) -> IssuedTokens:
    """Use the token up and issue its successor."""
    pair, policy, db, now = request.token_pair, request.policy, request.db, request.now
    rotation = policy.rotation
    cached = rotation.cached_response(pair, now=now)
    if cached is not None:
        return cached
    rotation.use_up(db, pair, access_outlives=policy.access_outlives)
    issued = db.tokens.issue(
        policy.lifetimes,
        now=now,
        client=pair.client,
        user=pair.user_id,
        session=pair.session,
        scope=request.scope,
        family=(pair.family, pair.family_epoch),
        parent=pair.id if rotation.keeps_parent else None,
    )._replace(predecessor=pair.id)
    rotation.after_issue(db, pair, issued, now=now)
    db.events.append("rotations")
    return issued


def _issue_access_token(request: TokenRequest) -> IssuedTokens:
    """Issue an access token alone, which belongs to the family of pairs without a refresh token."""
    pair = request.token_pair
    return request.db.tokens.issue(
        request.policy.lifetimes,
        now=request.now,
        client=pair.client,
        user=pair.user_id,
        session=pair.session,
        scope=request.scope,
        refreshable=False,
    )._replace(predecessor=pair.id)
