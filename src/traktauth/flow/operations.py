"""The commissioned document's operations, one to one: a request, its reply, a value. No store, no life cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.errors import TraktAuthError, TryLater
from traktauth.flow.effects import NoReply, Send
from traktauth.wire import devices, tokens
from traktauth.wire.devices import Waiting
from traktauth.wire.faults import asked_wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.flow.effects import Flow
    from traktauth.models import Token
    from traktauth.models.device import DeviceCode
    from traktauth.wire.messages import Reply, Request


def perform(request: Request) -> Flow[Reply]:
    """Send a request that is never repeated by itself.

    Raises:
        TryLater: no reply came.
    """
    reply = yield from Send(request)
    if isinstance(reply, NoReply):
        arrived = " It may have arrived all the same." if reply.sent else ""
        raise TryLater(f"Trakt could not be reached: {reply.reason}.{arrived}")
    return reply


def granted(request: Request, clock: Callable[[], float]) -> Flow[Token]:
    """Exchange a code or a refresh token."""
    sent_at = clock()
    reply = yield from perform(request)
    return tokens.read_token(reply, sent_at=sent_at)


def revoked(request: Request) -> Flow[None]:
    """Revoke a token."""
    tokens.read_revoked((yield from perform(request)))


def device_code(request: Request) -> Flow[DeviceCode]:
    """Get a fresh device code."""
    return devices.read_device_code((yield from perform(request)))


def polled(request: Request, clock: Callable[[], float]) -> Flow[Token]:
    """Poll once.

    Raises:
        TryLater: the user has not answered yet; poll again after `retry_after` seconds.
    """
    sent_at = clock()
    reply = yield from perform(request)
    found = devices.read_poll(reply, sent_at=sent_at)
    if isinstance(found, Waiting):
        wait = 5.0 if found is Waiting.PENDING else max(10.0, asked_wait(reply) or 0.0)
        raise TryLater(f"No token yet: {found.value}", retry_after=wait, status=reply.status)
    if isinstance(found, TraktAuthError):
        raise found
    return found
