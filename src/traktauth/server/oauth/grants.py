"""The grants: what is issued once a token request has passed its checks."""

from __future__ import annotations

from traktauth.server.oauth.id_token import id_token
from traktauth.server.oauth.request import TokenRequest
from traktauth.server.storage.repositories import NO_USER
from traktauth.server.tokens import IssuedTokens

OFFLINE = "offline_access"
OPENID = "openid"


def exchange(request: TokenRequest) -> IssuedTokens:
    """Issue a pair for a code, with a refresh token."""
    return _issue(request, refreshable=True)


def exchange_by_scope(request: TokenRequest) -> IssuedTokens:
    """Issue a pair for a code, with a refresh token for `offline_access` and an ID token for `openid`."""
    scopes = request.scope.split()
    issued = _issue(request, refreshable=OFFLINE in scopes)
    if OPENID not in scopes:
        return issued
    return issued._replace(id_token=id_token(request, user=request.code.user_id, nonce=request.code.nonce))


def _issue(request: TokenRequest, *, refreshable: bool) -> IssuedTokens:
    code = request.code
    return request.db.tokens.issue(
        request.policy.lifetimes,
        now=request.now,
        client=code.client,
        user=code.user_id,
        session=code.session,
        scope=request.scope,
        refreshable=refreshable,
    )


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


def issue_to_client(request: TokenRequest) -> IssuedTokens:
    """Issue an access token without a user (RFC 6749 section 4.4), as Doorkeeper does."""
    return request.db.tokens.issue(
        request.policy.lifetimes,
        now=request.now,
        client=request.client.id,
        user=NO_USER,
        scope=request.scope,
        refreshable=False,
    )
