"""A token for the client itself (RFC 6749 section 4.4): Doorkeeper issues one, which opens no user's data here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.repositories.tokens import NO_USER

if TYPE_CHECKING:
    from traktauth.server.oauth.request import TokenRequest
    from traktauth.server.tokens import IssuedTokens


def issue_to_client(request: TokenRequest) -> IssuedTokens:
    """Issue an access token without a user."""
    return request.db.tokens.issue(
        request.policy.lifetimes,
        now=request.now,
        client=request.client.id,
        user=NO_USER,
        scope=request.scope,
        refreshable=False,
    )
