"""Trakt: *Poll for the access_token*: the states of a device code, answered by Trakt's statuses or as RFC 8628 does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.protocol import POLL_DENIED, POLL_EXPIRED, POLL_PENDING, POLL_TOO_FAST, POLL_UNKNOWN, POLL_USED
from traktauth.server.errors import BareStatusError, OAuthError
from traktauth.server.oauth import pkce
from traktauth.server.oauth.checks import is_secret_of
from traktauth.server.tokens import generate_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.oauth.request import TokenRequest
    from traktauth.server.storage.models import DeviceCode
    from traktauth.server.tokens import IssuedTokens

TOLERANCE = 0.1
"""Seconds by which a poll may be early: a 4.99 s timer is not punished, 4.8 s is (measured on better-auth 1.6.33)."""

STATUSES = {
    "unknown": POLL_UNKNOWN, "foreign": POLL_UNKNOWN, "slow": POLL_TOO_FAST, "expired": POLL_EXPIRED,
    "pending": POLL_PENDING, "denied": POLL_DENIED, "used": POLL_USED,
}  # fmt: skip
ERRORS = {
    "unknown": ("invalid_grant", "Invalid device code"),
    "used": ("invalid_grant", "Invalid device code"),
    "foreign": ("invalid_grant", "Client ID mismatch"),
    "slow": ("slow_down", "Polling too frequently"),
    "expired": ("expired_token", "Device code has expired"),
    "pending": ("authorization_pending", "Authorization pending"),
    "denied": ("access_denied", "Access denied"),
}


def poll(request: TokenRequest) -> IssuedTokens:
    """Issue tokens for an approved code.

    Raises:
        BareStatusError: with the status that Trakt documents for any other state.
    """
    device, user = take_approved(request, lambda state: BareStatusError(STATUSES[state]))
    session, _ = create_session(request, user)
    scope = request.policy.default_scope
    request.db.clients.grant_consent(device.client, user, scope=scope, now=request.now)
    return request.db.tokens.issue(
        request.policy.lifetimes, now=request.now, client=device.client, user=user, session=session, scope=scope
    )


def rfc8628_error(state: str) -> OAuthError:
    """Return the error for a state."""
    return OAuthError(400, *ERRORS[state])


def take_approved(request: TokenRequest, error: Callable[[str], Exception]) -> tuple[DeviceCode, int]:
    """Count a poll; return an approved code, which is used up by it, and the user who approved it.

    Raises:
        Exception: what *error* returns for any other state.
    """
    device, state = advance_state(request)
    if device is None or device.user_id is None or state != "approved":
        raise error(state)
    return device, device.user_id


def advance_state(request: TokenRequest) -> tuple[DeviceCode | None, str]:
    """Count a poll and return the state of the code; an approved one is used up by it.

    A poll that is too early is told so before anything else and moves no clock; a denied or expired code is deleted
    once that has been answered.
    """
    codes, now = request.db.device_codes, request.now
    device = request.db.device_codes.find(request.parameter("code"))
    if device is None:
        return None, "unknown"
    if device.client != request.client.id:
        return device, "foreign"
    if device.status == "used":
        return device, "used"
    since = None if device.last_poll is None else now - device.last_poll
    if since is not None and 0 <= since < request.policy.interval - TOLERANCE:
        return device, "slow"
    codes.record_poll(device.id, now=now)
    if device.expires <= now:
        codes.delete(device.id)
        return device, "expired"
    if device.status == "denied":
        codes.delete(device.id)
    elif device.status == "approved":
        codes.use(device.id)
    return device, device.status


def create_session(request: TokenRequest, user: int) -> tuple[int, str]:
    """Create a session; return its row id and its token."""
    token, lifetime = generate_token(), request.policy.lifetimes.session
    return request.db.users.create_session(user, token, now=request.now, lifetime=lifetime).id, token


def secret_or_verifier_correct(request: TokenRequest) -> bool:
    """Require the client's secret, or the verifier of the challenge that the code was requested with."""
    client, secret = request.client, request.sent.client_secret
    device, verifier = request.db.device_codes.find(request.parameter("code")), request.parameter("code_verifier")
    if device is not None and device.challenge and verifier and pkce.matches(verifier, device.challenge):
        return True
    if client.confidential:
        return is_secret_of(client, secret)
    return not secret or not client.secret or is_secret_of(client, secret)
