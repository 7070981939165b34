"""The commissioned document's operations, one to one: a request, its response, a value. No store, no life cycle."""

from __future__ import annotations

from collections.abc import Callable

from traktauth.errors import TraktAuthError, TryLater
from traktauth.flow.effects import Flow, NoResponse, Send
from traktauth.models import Token
from traktauth.models.device_code import DeviceCode
from traktauth.wire import device_endpoint, revocation_endpoint, token_endpoint
from traktauth.wire.device_endpoint import PollStatus
from traktauth.wire.error_responses import parse_retry_after
from traktauth.wire.messages import Request, Response


def perform(request: Request) -> Flow[Response]:
    """Send a request that is never repeated by itself.

    Raises:
        TryLater: no response came.
        TraktAuthError: no response came, and repeating the request would not help.
    """
    response = yield from Send(request)
    if isinstance(response, NoResponse):
        raise response.error(request.url, note="; the request may have arrived" if response.sent else "")
    return response


def request_token(request: Request, clock: Callable[[], float]) -> Flow[Token]:
    """Exchange a code or a refresh token."""
    sent_at = clock()
    response = yield from perform(request)
    return token_endpoint.parse_token_response(response, sent_at=sent_at)


def revoke_token(request: Request) -> Flow[None]:
    """Revoke a token."""
    revocation_endpoint.parse_revocation((yield from perform(request)))


def request_device_code(request: Request) -> Flow[DeviceCode]:
    """Get a fresh device code."""
    return device_endpoint.parse_device_code((yield from perform(request)))


def poll_token(request: Request, clock: Callable[[], float]) -> Flow[Token]:
    """Poll once.

    Raises:
        TryLater: the user has not answered yet; poll again after `retry_after` seconds.
    """
    sent_at = clock()
    response = yield from perform(request)
    found = device_endpoint.parse_poll_response(response, sent_at=sent_at)
    if isinstance(found, PollStatus):
        wait = 5.0 if found is PollStatus.PENDING else max(10.0, parse_retry_after(response) or 0.0)
        raise TryLater(f"No token yet: {found.value}", retry_after=wait, status=response.status)
    if isinstance(found, TraktAuthError):
        raise found
    return found
