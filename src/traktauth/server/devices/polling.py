"""Trakt: *Poll for the access_token*: one state machine, told in better-auth's words or by Trakt's statuses."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from traktauth.protocol import POLL_DENIED, POLL_EXPIRED, POLL_PENDING, POLL_TOO_FAST, POLL_UNKNOWN, POLL_USED
from traktauth.server.checks.apps import is_secret_of
from traktauth.server.checks.codes import s256
from traktauth.server.finding import device_of
from traktauth.server.grants.issue import Holder, Issued, issue
from traktauth.server.http.answers import NO_STORE, Answer, in_json
from traktauth.server.refusals import Refusal, Unwritten
from traktauth.server.strings import fresh

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import Device

TOLERANCE = 0.1
"""Seconds by which a poll may be early: a 4.99 s timer is not punished, 4.8 s is (measured on better-auth 1.6.33)."""

STATUSES = {
    "unknown": POLL_UNKNOWN, "foreign": POLL_UNKNOWN, "slow": POLL_TOO_FAST, "expired": POLL_EXPIRED,
    "pending": POLL_PENDING, "denied": POLL_DENIED, "used": POLL_USED,
}  # fmt: skip
WORDS = {
    "unknown": ("invalid_grant", "Invalid device code"),
    "used": ("invalid_grant", "Invalid device code"),
    "foreign": ("invalid_grant", "Client ID mismatch"),
    "slow": ("slow_down", "Polling too frequently"),
    "expired": ("expired_token", "Device code has expired"),
    "pending": ("authorization_pending", "Authorization pending"),
    "denied": ("access_denied", "Access denied"),
}


def poll_as_trakt(attempt: Attempt) -> Issued:
    """Give tokens for an approved code.

    Raises:
        Unwritten: the status that Trakt documents for any other state.
    """
    return _granted(attempt, lambda state: Unwritten(STATUSES[state]))


def poll_in_words(attempt: Attempt) -> Issued:
    """Give tokens for an approved code, or say what is missing as RFC 8628 section 3.5 does.

    Raises:
        Refusal: the code is in any other state.
    """
    return _granted(attempt, lambda state: Refusal(400, *WORDS[state]))


def _granted(attempt: Attempt, refusal: Callable[[str], Exception]) -> Issued:
    device, state = polled(attempt)
    if device is None or device.person is None or state != "approved":
        raise refusal(state)
    session = _session(attempt, device.person)[0]
    scope = attempt.terms.default_scope
    attempt.tables.apps.allow(device.app, device.person, scope=scope, now=attempt.now)
    return issue(attempt, Holder(device.app, device.person, session, scope, renewable=True))[1]


def poll_as_native(attempt: Attempt) -> dict[str, Any]:
    """Give a session token for an approved code, which is what better-auth's device plugin has to give.

    Raises:
        Refusal: the code is in any other state.
    """
    device, state = polled(attempt)
    if device is None or device.person is None or state != "approved":
        raise Refusal(400, *WORDS[state])
    attempt.tables.devices.remove(device.id)  # as the engine forgets it: Trakt's address knows nothing of it then
    token = _session(attempt, device.person)[1]
    life = attempt.terms.lives.session
    return {"access_token": token, "token_type": "Bearer", "expires_in": life, "scope": device.scope}


def write_session_token(members: dict[str, Any], issuer: str) -> Answer:  # noqa: ARG001 - every writer is given it
    """Write a session token."""
    return in_json(200, members, NO_STORE)


def polled(attempt: Attempt) -> tuple[Device | None, str]:
    """Count a poll and say what state the code is in; an approved one is used up by it.

    A poll that is too early is told so before anything else and moves no clock; a denied or expired code is forgotten
    once that has been said.
    """
    device = device_of(attempt.tables, attempt.given("code"))
    if device is None or attempt.app is None:
        return None, "unknown"
    if device.app != attempt.app.id:
        return device, "foreign"
    if device.status == "used":
        return device, "used"
    since = None if device.last_poll is None else attempt.now - device.last_poll
    if since is not None and 0 <= since < attempt.terms.interval - TOLERANCE:
        return device, "slow"
    attempt.tables.devices.polled(device.id, now=attempt.now)
    if device.expires <= attempt.now:
        attempt.tables.devices.remove(device.id)
        return device, "expired"
    if device.status == "denied":
        attempt.tables.devices.remove(device.id)
    elif device.status == "approved" and not attempt.tables.devices.use(device.id):
        return device, "used"
    return device, device.status


def proof_right(attempt: Attempt) -> bool:
    """Hold where the app's secret is right, or the verifier of the challenge that the code was asked for with."""
    app, said = attempt.app, attempt.said.client_secret
    device, verifier = device_of(attempt.tables, attempt.given("code")), attempt.given("code_verifier")
    if device is not None and device.challenge and verifier and _is_verifier(verifier, device.challenge):
        return True
    if app is None:
        return False
    return is_secret_of(app, said) if app.confidential else not said or not app.secret or is_secret_of(app, said)


def verifier_right(attempt: Attempt) -> bool:
    """Hold where the code was asked for without a challenge, or its verifier comes with the poll."""
    device = device_of(attempt.tables, attempt.given("code"))
    return device is None or not device.challenge or _is_verifier(attempt.given("code_verifier"), device.challenge)


def _is_verifier(verifier: str, challenge: str) -> bool:
    return hmac.compare_digest(s256(verifier).encode(), challenge.encode("utf-8", "surrogatepass"))


def _session(attempt: Attempt, person: int) -> tuple[int, str]:
    secret = fresh()
    row = attempt.tables.people.sign_in(person, digest=secret.hash, now=attempt.now, life=attempt.terms.lives.session)
    return row, secret.carried(row)
