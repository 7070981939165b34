"""The life cycle as an `httpx2.Auth`, for a client of the user's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx2

from traktauth.client.attempt import AsyncAttempt, Attempt
from traktauth.client.httpx_flow import AsyncFlow, BlockingFlow


class TraktAuth(BlockingFlow, httpx2.Auth):
    """Puts a usable token and Trakt's header fields on each request; sends it once more after a 401.

    Args:
        attempt: `Trakt.attempt`.
    """

    _in_memory = httpx2.ByteStream

    def __init__(self, attempt: Callable[[str], Attempt]) -> None:
        self._new_attempt = attempt


class AsyncTraktAuth(AsyncFlow, httpx2.Auth):
    """The same for an `httpx2.AsyncClient`.

    Args:
        attempt: `AsyncTrakt.attempt`.
    """

    _in_memory = httpx2.ByteStream

    def __init__(self, attempt: Callable[[str], Awaitable[AsyncAttempt]]) -> None:
        self._new_attempt = attempt
