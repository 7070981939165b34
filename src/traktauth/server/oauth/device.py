"""Device codes: requested, polled, and decided by the user (RFC 8628)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from traktauth.protocol import POLL_DENIED, POLL_EXPIRED, POLL_PENDING, POLL_TOO_FAST, POLL_UNKNOWN, POLL_USED
from traktauth.server.errors import BareStatusError, OAuthError
from traktauth.server.oauth.checks import is_secret_of
from traktauth.server.oauth.request import TokenRequest
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import Client, DeviceCode
from traktauth.server.tokens import IssuedTokens, digest, generate_token, is_verifier_of

USER_CODE_LENGTH = 8
# Letters and digits without those that look alike (better-auth's device plugin, 1.6.33).
USER_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
ATTEMPTS = 20
"""How often a user code is drawn again because it is taken; one in 10^12 is."""
DECISIONS = {"approve": "approved", "deny": "denied"}
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


def generate_user_code() -> str:
    """Generate the code that a user types in."""
    return "".join(secrets.choice(USER_CODE_ALPHABET) for _ in range(USER_CODE_LENGTH))


def normalize_user_code(typed: str) -> str:
    """Return a user code that was typed in any case, with any punctuation."""
    return "".join(character for character in typed.upper() if character in USER_CODE_ALPHABET)


class DeviceAuthorization(NamedTuple):
    """A new device code. Times in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: int
    interval: int


def authorize_device(request: TokenRequest) -> DeviceAuthorization:
    """Issue a device code and a user code, for the default scope: at Trakt's path a request names none."""
    return _authorize(request, request.policy.default_scope)


def authorize_device_by_scope(request: TokenRequest) -> DeviceAuthorization:
    """Issue a device code and a user code, for the requested scope."""
    return _authorize(request, request.parameter("scope"))


def _authorize(request: TokenRequest, scope: str) -> DeviceAuthorization:
    policy, token, code = request.policy, generate_token(), _make_user_code(request)
    challenge, expires = request.parameter("code_challenge"), request.now + policy.lifetimes.device
    request.db.device_codes.add(
        hash=digest(token),
        user_code=code,
        client=request.client.id,
        scope=scope,
        challenge=challenge,
        status="pending",
        expires=expires,
    )
    return DeviceAuthorization(token, code, f"{policy.issuer}/activate", policy.lifetimes.device, policy.interval)


def _make_user_code(request: TokenRequest) -> str:
    for _ in range(ATTEMPTS):
        code = generate_user_code()
        taken = request.db.device_codes.find(user_code=code)
        if taken is None:
            return code
        if taken.expires < request.now:
            request.db.device_codes.delete(id=taken.id)
            return code
    raise RuntimeError("user codes have run out")


def pending_device(db: Repositories, typed: str, *, now: float) -> DeviceCode | None:
    """Return the pending device code with a user code, however that was typed."""
    device = db.device_codes.find(user_code=normalize_user_code(typed))
    return device if device is not None and device.status == "pending" and device.expires > now else None


def decide(db: Repositories, typed: str, *, user: int, decision: str, now: float) -> bool:
    """Approve or deny a pending code; return whether there was one."""
    device = pending_device(db, typed, now=now)
    return device is not None and db.device_codes.decide(device.id, DECISIONS[decision], user=user)


def pending_client(db: Repositories, typed: str, *, now: float) -> Client | None:
    """Return the client whose device waits for a decision; None if it was disabled or deleted in the meantime."""
    device = pending_device(db, typed, now=now)
    return None if device is None else _find_enabled_client(db, device)


def decide_on_page(db: Repositories, typed: str, *, user: int, decision: str, now: float) -> bool:
    """Take a user's decision on a page; the same decision sent again counts as the first."""
    is_pending = pending_client(db, typed, now=now) is not None
    if is_pending and decide(db, typed, user=user, decision=decision, now=now):
        return True
    device = db.device_codes.find(user_code=normalize_user_code(typed))
    if device is None or device.user_id != user or device.expires <= now or _find_enabled_client(db, device) is None:
        return False
    return ("denied" if device.status == "denied" else "approved") == DECISIONS[decision]


def _find_enabled_client(db: Repositories, device: DeviceCode) -> Client | None:
    client = db.clients.get(device.client)
    return None if client is None or client.disabled else client


def poll(request: TokenRequest) -> IssuedTokens:
    """Issue tokens for an approved code; any other state is a status that Trakt documents, without a body."""
    device, user = take_approved(request, lambda state: BareStatusError(STATUSES[state]))
    session, _ = create_session(request, user)
    scope = request.policy.default_scope
    request.db.consents.grant(device.client, user, scope=scope, now=request.now)
    return request.db.tokens.issue(
        request.policy.lifetimes, now=request.now, client=device.client, user=user, session=session, scope=scope
    )


def rfc8628_error(state: str) -> OAuthError:
    """Return the error for a state."""
    return OAuthError(400, *ERRORS[state])


def take_approved(request: TokenRequest, error: Callable[[str], Exception]) -> tuple[DeviceCode, int]:
    """Count a poll; use up an approved code and return it with its user, or raise *error* of another state."""
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
    device = request.db.device_codes.by_token(request.parameter("code"))
    if device is None:
        return None, "unknown"
    if device.client != request.client.id:
        return device, "foreign"
    if device.status == "used":
        return device, "used"
    since = None if device.last_poll is None else now - device.last_poll
    if since is not None and 0 <= since < request.policy.interval - TOLERANCE:
        return device, "slow"
    codes.update(device.id, last_poll=now)
    if device.expires <= now:
        codes.delete(id=device.id)
        return device, "expired"
    if device.status == "denied":
        codes.delete(id=device.id)
    elif device.status == "approved":
        codes.update(device.id, status="used")
    return device, device.status


def create_session(request: TokenRequest, user: int) -> tuple[int, str]:
    """Create a session; return its row id and its token."""
    token, lifetime = generate_token(), request.policy.lifetimes.session
    return request.db.sessions.create(user, token, now=request.now, lifetime=lifetime).id, token


def secret_or_verifier_correct(request: TokenRequest) -> bool:
    """Require the client's secret, or the verifier of the challenge that the code was requested with."""
    client, secret = request.client, request.sent.client_secret
    device, verifier = request.db.device_codes.by_token(request.parameter("code")), request.parameter("code_verifier")
    if device is not None and device.challenge and verifier and is_verifier_of(verifier, device.challenge):
        return True
    if client.confidential:
        return is_secret_of(client, secret)
    return not secret or not client.secret or is_secret_of(client, secret)
