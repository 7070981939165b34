"""The auth flow of httpx and httpx2, whose clients call it alike."""

# ruff: noqa: ANN401 - requests and responses of two libraries that share no class

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx2

from traktauth.client.attempt import UNAUTHORIZED, AsyncAttempt, Attempt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from traktauth.client.attempt import AsyncAttempt, Attempt


class BlockingFlow:
    """The auth flow of a blocking client; `_in_memory`: the library's class of streams that can be sent again.

    An iterator or a file can be read only once.
    """

    _in_memory: type
    _new_attempt: Callable[[str], Attempt]

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Send the request, and once more with another token if the API rejected the first.

        Raises:
            ValueError: the address is outside the service's API; nothing is sent.
        """
        attempt: Attempt | None = self._new_attempt(str(request.url))
        while attempt is not None:
            _authorize(request, attempt)
            response = yield request
            if not _rejects(response, attempt):
                return
            attempt = attempt.retry(str(response.url))
            if not isinstance(request.stream, self._in_memory):
                return

    def async_auth_flow(self, request: Any) -> Any:
        """Refuse: this one blocks.

        Raises:
            TypeError: always.
        """
        del request
        raise TypeError("This auth blocks; give an AsyncClient the auth of an AsyncTrakt")


class AsyncFlow:
    """The auth flow of an async client."""

    _in_memory: type
    _new_attempt: Callable[[str], Awaitable[AsyncAttempt]]

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Send the request, and once more with another token if the API rejected the first.

        Raises:
            ValueError: the address is outside the service's API; nothing is sent.
        """
        attempt: AsyncAttempt | None = await self._new_attempt(str(request.url))
        while attempt is not None:
            _authorize(request, attempt)
            response = yield request
            if not _rejects(response, attempt):
                return
            attempt = await attempt.retry(str(response.url))
            if not isinstance(request.stream, self._in_memory):
                return

    def sync_auth_flow(self, request: Any) -> Any:
        """Refuse: this one is awaited.

        Raises:
            TypeError: always.
        """
        del request
        raise TypeError("This auth is awaited; give a Client the auth of a Trakt")


def _authorize(request: Any, attempt: Attempt | AsyncAttempt) -> None:
    headers = request.headers
    for name, value in attempt.headers.items():  # `update` first makes another `Headers`, which takes longer
        headers[name] = value


def _rejects(response: Any, attempt: Attempt | AsyncAttempt) -> bool:
    """Return whether a response rejects the token of an attempt.

    Redirects are followed below this flow: one to another host takes the token off the request.
    """
    if response.status_code != UNAUTHORIZED:
        return False
    return bool(response.request.headers.get("Authorization") == attempt.headers["Authorization"])


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
