"""Introspection and user information as better-auth's oauth-provider gives them (measured on 1.6.33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.finding import pair_of_access, pair_of_refresh
from traktauth.server.refusals import Refusal

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import Pair

INACTIVE: dict[str, Any] = {"active": False}


def introspect(attempt: Attempt) -> dict[str, Any]:
    """Say what a token is; an expired, revoked or foreign one is inactive, an unknown one refused.

    Raises:
        Refusal: there is no such token of the hinted kind.
    """
    hint = attempt.given("token_type_hint")
    token = attempt.given("token").removeprefix("Bearer ")
    if hint != "refresh_token":
        pair = pair_of_access(attempt.tables, token)
        if pair is not None and not pair.access_ended:
            return _said(attempt, pair, until=pair.access_expires)
        if hint:
            raise Refusal(400, "invalid_request", "Invalid access token")
    pair = pair_of_refresh(attempt.tables, token)
    if pair is None:
        raise Refusal(400, "invalid_token" if hint else "invalid_request", "token not found")
    if pair.refresh_ended:
        return INACTIVE
    return _said(attempt, pair, until=pair.refresh_expires or attempt.now + 1)


def user_info(attempt: Attempt) -> dict[str, Any]:
    """Say whose an access token is, to an app that asked for `openid`.

    Raises:
        Refusal: no token, a dead one, or one without that scope.
    """
    token = attempt.said.bearer
    if not token:
        raise Refusal(401, "invalid_request", "authorization header not found")
    pair = pair_of_access(attempt.tables, token)
    if pair is None or pair.access_ended:
        raise Refusal(400, "invalid_request", "Invalid access token")
    scopes = pair.scope.split() if pair.access_expires > attempt.now else []
    if "openid" not in scopes:
        raise Refusal(400, "invalid_scope", "Missing required scope")
    person = attempt.tables.people.numbered(pair.person)
    if person is None:
        raise Refusal(400, "invalid_request", "user not found")
    members: dict[str, Any] = {"sub": str(person.id)}
    if "profile" in scopes:
        members["name"] = person.username
    if "email" in scopes:
        members |= {"email": person.email, "email_verified": False}
    return members


def _said(attempt: Attempt, pair: Pair, *, until: float) -> dict[str, Any]:
    app = attempt.app
    if app is None or pair.app != app.id or until <= attempt.now:
        return INACTIVE
    session = attempt.tables.people.session(pair.session) if pair.session else None
    return {
        "active": True,
        "iss": attempt.terms.issuer,
        "client_id": app.client_id,
        "sub": str(pair.person) if pair.person else None,
        "sid": str(session.id) if session and session.expires > attempt.now else None,
        "exp": int(until),
        "iat": int(pair.created),
        "scope": pair.scope,
    }
