"""Trakt: *Generate new device codes*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from traktauth.server.http.answers import NO_STORE, Answer, in_json
from traktauth.server.storage.records import Device
from traktauth.server.strings import fresh, user_code

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt

ATTEMPTS = 20
"""How often a user code is drawn anew where it is taken; one in 10^12 is."""


class Shown(NamedTuple):
    """A fresh device code. Times in seconds."""

    device_code: str
    user_code: str
    expires_in: int
    interval: int


def fresh_device_code(attempt: Attempt) -> Shown:
    """Make a device code and the user code to show; at Trakt's address nothing says for which scope."""
    return _fresh_device_code(attempt, attempt.terms.default_scope)


def fresh_device_code_by_scope(attempt: Attempt) -> Shown:
    """Make a device code for the scope that is asked for, and the user code to show."""
    return _fresh_device_code(attempt, attempt.given("scope"))


def _fresh_device_code(attempt: Attempt, scope: str) -> Shown:
    terms, app = attempt.terms, attempt.app
    if app is None:
        raise RuntimeError("a check that finds the app is missing from the list")
    secret = fresh()
    shown = _unused_user_code(attempt)
    challenge, expires = attempt.given("code_challenge"), attempt.now + terms.lives.device
    device = Device(0, secret.hash, shown, app.id, scope, challenge, "pending", None, expires, None)
    row = attempt.tables.devices.add(device)
    return Shown(secret.carried(row), shown, terms.lives.device, terms.interval)


def write_as_trakt(shown: Shown, issuer: str) -> Answer:
    """Write it with the members that Trakt documents."""
    return in_json(200, _as_trakt(shown, issuer), {**NO_STORE, "content-type": "application/json; charset=utf-8"})


def write_for_both(shown: Shown, issuer: str) -> Answer:
    """Write it with Trakt's members and those of RFC 8628."""
    return in_json(200, _as_trakt(shown, issuer) | _as_native(shown, issuer), NO_STORE)


def write_as_native(shown: Shown, issuer: str) -> Answer:
    """Write it with the members of RFC 8628 section 3.2."""
    return in_json(200, _as_native(shown, issuer), {"cache-control": "no-store"})


def _as_trakt(shown: Shown, issuer: str) -> dict[str, Any]:
    return {
        "device_code": shown.device_code,
        "user_code": shown.user_code,
        "verification_url": f"{issuer}/activate",
        "expires_in": shown.expires_in,
        "interval": shown.interval,
    }


def _as_native(shown: Shown, issuer: str) -> dict[str, Any]:
    return {
        "device_code": shown.device_code,
        "user_code": shown.user_code,
        "verification_uri": f"{issuer}/activate",
        "verification_uri_complete": f"{issuer}/activate?user_code={shown.user_code}",
        "expires_in": shown.expires_in,
        "interval": shown.interval,
    }


def _unused_user_code(attempt: Attempt) -> str:
    for _ in range(ATTEMPTS):
        shown = user_code()
        taken = attempt.tables.devices.shown_as(shown)
        if taken is None:
            return shown
        if taken.expires < attempt.now:
            attempt.tables.devices.remove(taken.id)
            return shown
    raise RuntimeError("user codes have run out")
