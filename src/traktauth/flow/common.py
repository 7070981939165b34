"""Parts that several flows share: load a token, retry a store, send a request that is never repeated."""

from __future__ import annotations

from typing import TypeVar

from traktauth.errors import StoreFailed
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Effect, Flow, Load, NoResponse, Send, Sleep
from traktauth.flow.refresh_policy import signed_out_error
from traktauth.models import Record, Token
from traktauth.timeouts import SAVE_TIMEOUT
from traktauth.wire.messages import Request, Response

T = TypeVar("T")

RETRY_PAUSE = 0.25  # seconds between two tries of a store that failed


def load_token() -> Flow[tuple[Record, Token]]:
    """Return the login's record and its token.

    Raises:
        LoginRequired: the account has no token.
        LoginMoved: another store has the login.
        StoreFailed: the store cannot be read.
    """
    record = yield from Load()
    if record.token is None:
        raise signed_out_error(record)
    return record, record.token


def retry_store(context: FlowContext, effect: Effect[T]) -> Flow[T]:
    """Perform an effect of the store; one that fails is tried again for `SAVE_TIMEOUT`.

    Raises:
        StoreFailed: it has failed to the end.
    """
    until = context.monotonic() + SAVE_TIMEOUT
    while True:
        try:
            return (yield from effect)
        except StoreFailed:
            if context.monotonic() >= until:
                raise
        yield from Sleep(RETRY_PAUSE)


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
