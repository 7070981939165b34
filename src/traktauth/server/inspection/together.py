"""Introspection and token information as Doorkeeper 5.6.6 gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.checks.apps import proven
from traktauth.server.finding import pair_of_access
from traktauth.server.refusals import Refusal
from traktauth.server.revocation.together import pair_named
from traktauth.server.rotation.until_used import first_used

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import Pair

NO_CLIENT = (
    "Client authentication failed due to unknown client, no client authentication included, or unsupported "
    "authentication method."
)
UNAUTHORIZED = (
    "The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed."
)


def introspect(attempt: Attempt) -> dict[str, Any]:
    """Say what a token is, to the app it belongs to (RFC 7662); anything else is inactive.

    Raises:
        Refusal: neither the app nor another token of its proves who asks.
    """
    pair = pair_named(attempt)
    if attempt.said.client_id:
        if not proven(attempt) or attempt.app is None:
            raise Refusal(401, "invalid_client", NO_CLIENT)
        asker = attempt.app.id
    else:
        asker = _asker_by_token(attempt, pair)
    if pair is None or not _accessible(attempt, pair) or pair.app != asker:
        return {"active": False}
    app = attempt.tables.apps.numbered(pair.app)
    return {
        "active": True,
        "scope": pair.scope,
        "client_id": app and app.client_id,
        "token_type": "Bearer",
        "exp": int(pair.access_expires),
        "iat": int(pair.created),
    }


def token_info(attempt: Attempt) -> dict[str, Any]:
    """Say what the presented access token is.

    Raises:
        Refusal: it is dead or unknown.
    """
    pair = pair_of_access(attempt.tables, attempt.said.bearer)
    if pair is not None:
        first_used(attempt.tables, pair, attempt.terms)
    if pair is None or not _accessible(attempt, pair):
        raise _invalid_token()
    app = attempt.tables.apps.numbered(pair.app)
    return {
        "resource_owner_id": pair.person or None,
        "scope": pair.scope.split(),
        "expires_in": int(pair.access_expires - attempt.now),
        "application": {"uid": app and app.client_id},
        "created_at": int(pair.created),
    }


def _asker_by_token(attempt: Attempt, named: Pair | None) -> int:
    """Give the app that asks by another access token of its."""
    asking = pair_of_access(attempt.tables, attempt.said.bearer)
    if asking is None:
        raise Refusal(400, "invalid_request", UNAUTHORIZED)
    if named is None or asking.id == named.id or not _accessible(attempt, asking) or asking.app != named.app:
        raise _invalid_token()
    return asking.app


def _accessible(attempt: Attempt, pair: Pair) -> bool:
    return not pair.access_ended and pair.access_expires > attempt.now


def _invalid_token() -> Refusal:
    """Doorkeeper gives the refusal of a token a state, whatever the request's was."""
    return Refusal(401, "invalid_token", "The access token is invalid", state="unauthorized")
