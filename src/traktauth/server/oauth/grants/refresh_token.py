"""Trakt: *Exchange refresh_token for access_token* (RFC 6749 section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.errors import OAuthError
from traktauth.server.oauth.grants.authorization_code import OFFLINE, OPENID
from traktauth.server.oauth.grants.id_token import id_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.oauth.request import TokenRequest
    from traktauth.server.tokens import IssuedTokens

RaceError = tuple[int, str, str]
"""Status, error and description for a request that lost a race for its token."""


def rotate(race_error: RaceError) -> Callable[[TokenRequest], IssuedTokens]:
    """Return the handler that uses the token up and issues its successor."""

    def handle(request: TokenRequest) -> IssuedTokens:
        return _rotate(request, race_error)

    return handle


def rotate_by_scope(race_error: RaceError) -> Callable[[TokenRequest], IssuedTokens]:
    """Return the handler that rotates only a token that has, or requests, `offline_access`.

    A refresh token that was narrowed to less keeps working and is not replaced (measured on better-auth 1.6.33).
    """

    def handle(request: TokenRequest) -> IssuedTokens:
        scopes = request.scope.split()
        is_offline = OFFLINE in scopes or OFFLINE in request.token_pair.scope.split()
        issued = (_rotate if is_offline else _issue_access_token)(request, race_error)
        if OPENID in scopes and issued.id_token is None:
            return issued._replace(id_token=id_token(request, user=request.token_pair.user_id, nonce=""))
        return issued

    return handle


def _rotate(request: TokenRequest, race_error: RaceError) -> IssuedTokens:
    pair, policy, db, now = request.token_pair, request.policy, request.db, request.now
    rotation, token = policy.rotation, request.parameter("refresh_token")
    cached = rotation.cached_response(pair, token, now=now)
    if cached is not None:
        return cached
    if not rotation.use_up(db, pair, access_outlives=policy.access_outlives):
        raise OAuthError(*race_error)
    issued = db.tokens.issue(
        policy.lifetimes,
        now=now,
        client=pair.client,
        user=pair.user_id,
        session=pair.session,
        scope=request.scope,
        family=(pair.family, pair.family_epoch),
        parent=pair.id if rotation.keeps_parent else None,
    )
    rotation.after_issue(db, pair, token, issued, now=now)
    db.events.append("rotations")
    return issued


def _issue_access_token(request: TokenRequest, race_error: RaceError) -> IssuedTokens:
    """Issue an access token alone, which belongs to the family of pairs without a refresh token.

    That family is looked up before the token is looked at once more: both are revoked together when the user revokes
    the client. So if the token is still valid then, the family was read as it was before that.
    """
    pair, db = request.token_pair, request.db
    family = db.tokens.family(pair.client, pair.user_id, refreshable=False)
    current = db.tokens.get(pair.id)
    if current is None or not current.in_family:
        raise OAuthError(*race_error)
    return db.tokens.issue(
        request.policy.lifetimes,
        now=request.now,
        client=pair.client,
        user=pair.user_id,
        session=pair.session,
        scope=request.scope,
        refreshable=False,
        family=family,
    )
