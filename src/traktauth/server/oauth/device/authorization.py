"""Trakt: *Generate new device codes* (RFC 8628 section 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.oauth.device.user_code import generate_user_code
from traktauth.server.storage.models import DeviceCode
from traktauth.server.tokens import digest, generate_token

if TYPE_CHECKING:
    from traktauth.server.oauth.request import TokenRequest

ATTEMPTS = 20
"""How often a user code is drawn again because it is taken; one in 10^12 is."""


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
    device = DeviceCode(0, digest(token), code, request.client.id, scope, challenge, "pending", None, expires, None)
    request.db.device_codes.add(device)
    return DeviceAuthorization(token, code, f"{policy.issuer}/activate", policy.lifetimes.device, policy.interval)


def _make_user_code(request: TokenRequest) -> str:
    for _ in range(ATTEMPTS):
        code = generate_user_code()
        taken = request.db.device_codes.by_user_code(code)
        if taken is None:
            return code
        if taken.expires < request.now:
            request.db.device_codes.delete(taken.id)
            return code
    raise RuntimeError("user codes have run out")
