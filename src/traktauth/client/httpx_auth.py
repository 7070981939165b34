"""The life cycle as an `httpx2.Auth`, for a client of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

from traktauth.client.httpx_flow import async_auth_flow, sync_auth_flow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from traktauth.client.attempt import AsyncAttempt, Attempt


class TraktAuth(httpx2.Auth):
    """Puts a usable token and Trakt's header fields on each request; sends it once more after a 401.

    Args:
        attempt: `Trakt.attempt`.
    """

    def __init__(self, attempt: Callable[[str], Attempt]) -> None:
        self._attempt = attempt

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send the request, and once more with another token if the API rejected the first."""
        return sync_auth_flow(self._attempt, request, httpx2.ByteStream)

    def async_auth_flow(self, request: httpx2.Request) -> Any:  # noqa: ANN401, ARG002 - never returns
        """Refuse: this one blocks.

        Raises:
            TypeError: always.
        """
        raise TypeError("This auth blocks; use AsyncTrakt(…).auth with an AsyncClient")


class AsyncTraktAuth(httpx2.Auth):
    """The same for an `httpx2.AsyncClient`.

    Args:
        attempt: `AsyncTrakt.attempt`.
    """

    def __init__(self, attempt: Callable[[str], Awaitable[AsyncAttempt]]) -> None:
        self._attempt = attempt

    def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request, and once more with another token if the API rejected the first."""
        return async_auth_flow(self._attempt, request, httpx2.ByteStream)

    def sync_auth_flow(self, request: httpx2.Request) -> Any:  # noqa: ANN401, ARG002 - never returns
        """Refuse: this one is awaited.

        Raises:
            TypeError: always.
        """
        raise TypeError("This auth is awaited; use Trakt(…).auth with a Client")
