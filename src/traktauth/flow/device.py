"""Signing in on another device: show a code, poll until it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.errors import LoginRefused, TraktAuthError, TryLater
from traktauth.flow.effects import NoReply, Send, Shielded, Sleep, Tell, TryStore
from traktauth.flow.login import keep
from traktauth.flow.operations import perform
from traktauth.flow.steps import EnterCode, StillWaiting
from traktauth.wire.authorize import challenge_of
from traktauth.wire.devices import Waiting, new_device_code, poll_device_code, read_device_code, read_poll
from traktauth.wire.faults import asked_wait

if TYPE_CHECKING:
    from traktauth.flow.effects import Flow
    from traktauth.flow.terms import Terms
    from traktauth.models import Token
    from traktauth.models.device import DeviceCode
    from traktauth.wire.messages import Request

_SLOWER = 5.0
_SLOWEST_AFTER_TIMEOUT = 60.0
_TICK = 1.0


def by_device(terms: Terms) -> Flow[Token]:
    """Sign in on any device: the person enters a code at Trakt's activation page.

    Raises:
        LoginRefused: denied, expired or used.
        AppRejected: Trakt refused the app.
        TryLater: Trakt cannot be reached.
        StoreFailed: the store cannot keep the token; seen before anybody signs in.
    """
    yield from TryStore()
    app = terms.app
    verifier = terms.secret() if app.client_secret is None else None
    challenge = None if verifier is None else challenge_of(verifier)
    reply = yield from perform(new_device_code(terms.service, client_id=app.client_id, code_challenge=challenge))
    device = read_device_code(reply)
    yield from Tell(EnterCode(device))
    poll = poll_device_code(
        terms.service,
        code=device.device_code,
        client_id=app.client_id,
        client_secret=app.client_secret,
        code_verifier=verifier,
    )
    token = yield from _answered(terms, device, poll)
    return (yield from Shielded(lambda: keep(terms, token)))


def _answered(terms: Terms, device: DeviceCode, poll: Request) -> Flow[Token]:
    """Poll, never faster than allowed, until there is an answer or the code is worthless."""
    end = terms.monotonic() + device.expires_in
    interval = float(device.interval)
    once = 0.0  # a longer wait that is not for the rest
    while True:
        yield from _wait(terms, min(terms.monotonic() + max(interval, once), end), end)
        once = 0.0
        if terms.monotonic() >= end:
            raise LoginRefused("The device code expired before it was answered", error="expired_token")
        sent_at = terms.clock()
        reply = yield from Send(poll)
        if isinstance(reply, NoReply):
            interval = min(interval * 2, max(interval, _SLOWEST_AFTER_TIMEOUT))
            continue
        found = read_poll(reply, sent_at=sent_at)
        if found is Waiting.TOO_FAST:
            interval = max(interval + _SLOWER, asked_wait(reply) or 0.0)
        elif isinstance(found, TraktAuthError):
            if not isinstance(found, TryLater):
                raise found
            once = min(found.retry_after, _SLOWEST_AFTER_TIMEOUT)
        elif not isinstance(found, Waiting):
            return found


def _wait(terms: Terms, until: float, end: float) -> Flow[None]:
    """Sleep in short steps, so that a countdown can run."""
    while (now := terms.monotonic()) < until:
        yield from Tell(StillWaiting(end - now))
        yield from Sleep(min(_TICK, until - now))
