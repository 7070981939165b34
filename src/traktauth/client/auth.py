"""The life cycle as an `httpx2.Auth`, for anybody's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from traktauth.client.setup import Setup
    from traktauth.models import Token

UNAUTHORIZED = 401


class TraktAuth(httpx2.Auth):
    """Puts a usable token and Trakt's header fields on each request; renews once on a 401.

    Args:
        setup: whose login it is.
        token: returns a usable token.
        renewed: returns another token than one that was refused to a call that began at a time, or None.
    """

    def __init__(
        self, setup: Setup, token: Callable[[], Token], renewed: Callable[[Token, float], Token | None]
    ) -> None:
        self._setup = setup
        self._token = token
        self._renewed = renewed

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send the request, and once more with another token where the API refused the first."""
        _check(self._setup, request)
        began = self._setup.terms.clock()
        token = self._token()
        response = yield _signed(self._setup, request, token)
        if response.status_code != UNAUTHORIZED:
            return
        renewed = self._renewed(token, began)
        if renewed is None:
            return
        response = yield _signed(self._setup, request, renewed)
        if response.status_code == UNAUTHORIZED:
            self._setup.arrived_dead(renewed)

    def async_auth_flow(self, request: httpx2.Request) -> Any:  # noqa: ANN401, ARG002 - never returns
        """Refuse: this one blocks."""
        raise TypeError("This auth blocks; use AsyncTrakt(…).auth with an AsyncClient")


class AsyncTraktAuth(httpx2.Auth):
    """The same for an `httpx2.AsyncClient`."""

    def __init__(
        self,
        setup: Setup,
        token: Callable[[], Awaitable[Token]],
        renewed: Callable[[Token, float], Awaitable[Token | None]],
    ) -> None:
        self._setup = setup
        self._token = token
        self._renewed = renewed

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request, and once more with another token where the API refused the first."""
        _check(self._setup, request)
        began = self._setup.terms.clock()
        token = await self._token()
        response = yield _signed(self._setup, request, token)
        if response.status_code != UNAUTHORIZED:
            return
        renewed = await self._renewed(token, began)
        if renewed is None:
            return
        response = yield _signed(self._setup, request, renewed)
        if response.status_code == UNAUTHORIZED:
            self._setup.arrived_dead(renewed)

    def sync_auth_flow(self, request: httpx2.Request) -> Any:  # noqa: ANN401, ARG002 - never returns
        """Refuse: this one is awaited."""
        raise TypeError("This auth is awaited; use Trakt(…).auth with a Client")


def _check(setup: Setup, request: httpx2.Request) -> None:
    """Keep the token from other hosts, whatever address a client is given."""
    if not setup.serves(str(request.url)):
        raise ValueError(f"This auth is for {setup.service.api} alone; the token must not go to {request.url.host}")


def _signed(setup: Setup, request: httpx2.Request, token: Token) -> httpx2.Request:
    for name, value in setup.headers_for(token).items():
        if name == "Authorization" or name.startswith("trakt-"):  # the others are the client's own affair
            request.headers[name] = value
    return request
