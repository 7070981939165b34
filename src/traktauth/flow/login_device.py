"""Signing in on another device: show a code, poll until it is answered."""

from __future__ import annotations

from dataclasses import replace

from traktauth.errors import LoginRefused, TraktAuthError, TryLater
from traktauth.flow.common import perform
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import CheckWritable, Flow, LogMessage, NoResponse, Send, Shielded, ShowStep, Sleep
from traktauth.flow.save_login import save_login
from traktauth.models import Token
from traktauth.models.token import DeviceCode
from traktauth.steps import EnterCode, StillWaiting
from traktauth.wire.authorization import s256_challenge
from traktauth.wire.device_endpoint import (
    PollStatus,
    build_device_code_request,
    build_poll_request,
    foreign_host,
    parse_device_code,
    parse_poll_response,
)
from traktauth.wire.error_responses import parse_retry_after
from traktauth.wire.messages import Request

_SLOWER = 5.0
_SLOWEST_AFTER_TIMEOUT = 60.0
_TICK = 1.0


def login_device(context: FlowContext, device: DeviceCode | None = None) -> Flow[Token]:
    """Sign in on any device: the user enters a code at Trakt's activation page.

    Args:
        context: the context.
        device: a code that was shown before, whose `expires_in` is the time left; None asks Trakt for a new one.

    Raises:
        LoginRefused: denied, expired or used.
        AppRejected: Trakt refused the app.
        TryLater: Trakt cannot be reached.
        StoreFailed: the store cannot keep the token; seen before the user signs in.
    """
    yield from CheckWritable()
    if device is None:
        device = yield from _new_code(context)
    stranger = foreign_host(context.service, device.verification_url)
    if stranger:
        yield from LogMessage(
            f"the page for the code is at {stranger}, which does not belong to {context.service.name}; "
            "enter it there only if you know that host",
            event="foreign-page",
            warning=True,
        )
    yield from ShowStep(EnterCode(device))
    poll = build_poll_request(context.service, context.app, device.device_code, device.code_verifier)
    token = yield from _poll_until_answered(context, device, poll)
    return (yield from Shielded(lambda: save_login(context, token)))


def _new_code(context: FlowContext) -> Flow[DeviceCode]:
    verifier = context.new_secret() if context.app.client_secret is None else None
    challenge = None if verifier is None else s256_challenge(verifier)
    request = build_device_code_request(context.service, context.app, challenge)
    return replace(parse_device_code((yield from perform(request))), code_verifier=verifier)


def _poll_until_answered(context: FlowContext, device: DeviceCode, poll: Request) -> Flow[Token]:
    """Poll, never faster than allowed, until there is an answer or the code is worthless."""
    end = context.monotonic() + device.expires_in
    interval = float(device.interval)
    once = 0.0  # a longer wait that is not for the rest
    while True:
        yield from _wait(context, min(context.monotonic() + max(interval, once), end), end)
        once = 0.0
        if context.monotonic() >= end:
            raise LoginRefused("The device code expired before it was answered", error="expired_token")
        sent_at = context.clock()
        response = yield from Send(poll)
        if isinstance(response, NoResponse):
            interval = min(interval * 2, max(interval, _SLOWEST_AFTER_TIMEOUT))
            continue
        found = parse_poll_response(response, sent_at=sent_at)
        if found is PollStatus.TOO_FAST:
            interval = max(interval + _SLOWER, parse_retry_after(response) or 0.0)
        elif isinstance(found, TraktAuthError):
            if not isinstance(found, TryLater):
                raise found
            once = min(found.retry_after, _SLOWEST_AFTER_TIMEOUT)
        elif not isinstance(found, PollStatus):
            return found


def _wait(context: FlowContext, until: float, end: float) -> Flow[None]:
    """Sleep in short steps, so that a countdown can run."""
    while (now := context.monotonic()) < until:
        yield from ShowStep(StillWaiting(end - now))
        yield from Sleep(min(_TICK, until - now))
