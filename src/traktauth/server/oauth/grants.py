"""The grants: what is issued once a token request has passed its checks."""

from __future__ import annotations

from traktauth.server.oauth.id_token import id_token
from traktauth.server.oauth.request import TokenRequest
from traktauth.server.storage.repositories import NO_USER
from traktauth.server.storage.schema import Code, TokenPair
from traktauth.server.tokens import IssuedTokens

OFFLINE = "offline_access"
OPENID = "openid"


def exchange(request: TokenRequest) -> IssuedTokens:
    """Issue a pair for a code, with a refresh token."""
    return _issue(request, request.code)


def exchange_by_scope(request: TokenRequest) -> IssuedTokens:
    """Issue a pair for a code, with a refresh token for `offline_access` and an ID token for `openid`."""
    scopes = request.scope.split()
    issued = _issue(request, request.code, refreshable=OFFLINE in scopes)
    if OPENID not in scopes:
        return issued
    return issued._replace(id_token=id_token(request, user=request.code.user_id, nonce=request.code.nonce))


def rotate_by_scope(request: TokenRequest) -> IssuedTokens:
    """Rotate only a token that has, or requests, `offline_access`.

    A refresh token that was narrowed to less keeps working and is not replaced (measured on better-auth 1.6.33).
    """
    scopes, pair = request.scope.split(), request.token_pair
    is_offline = OFFLINE in scopes or OFFLINE in pair.scope.split()
    issued = rotate(request) if is_offline else _issue(request, pair, refreshable=False, predecessor=pair)
    if OPENID in scopes and issued.id_token is None:
        return issued._replace(id_token=id_token(request, user=pair.user_id, nonce=""))
    return issued


def rotate(request: TokenRequest) -> IssuedTokens:
    """Use the token up and issue its successor."""
    pair, policy, db, now = request.token_pair, request.policy, request.db, request.now
    rotation = policy.rotation
    cached = rotation.cached_response(pair, now=now)
    if cached is not None:
        return cached
    rotation.use_up(db, pair, access_outlives=policy.access_outlives)
    issued = _issue(request, pair, predecessor=pair)
    rotation.after_issue(db, pair, issued, now=now)
    db.events.append("rotations")
    return issued


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


def _issue(
    request: TokenRequest, source: Code | TokenPair, *, refreshable: bool = True, predecessor: TokenPair | None = None
) -> IssuedTokens:
    """Issue a pair to the client and user of a code or a pair."""
    return request.db.tokens.issue(
        request.policy.lifetimes,
        now=request.now,
        client=source.client,
        user=source.user_id,
        session=source.session,
        scope=request.scope,
        refreshable=refreshable,
        predecessor=predecessor,
        keeps_parent=refreshable and request.policy.rotation.keeps_parent,
    )
