"""The HTTP clients behind a `Trakt`, each made on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.client.http import asend, new_async_client, new_client, send

if TYPE_CHECKING:
    from traktauth.client.http import HttpAsyncClient, HttpClient
    from traktauth.flow.effects import NoReply
    from traktauth.wire.messages import Reply, Request


class Connections:
    """The blocking clients of one `Trakt` and those that share with it, each made on first use.

    Args:
        given: somebody else's client, used for everything and never closed by us.
    """

    def __init__(self, given: HttpClient | None = None) -> None:
        self._given = given
        self._api: HttpClient | None = None
        self._once: HttpClient | None = None

    @property
    def api(self) -> HttpClient:
        """Return the client for API requests."""
        if self._given is not None:
            return self._given
        if self._api is None:
            self._api = new_client()
        return self._api

    def send(self, request: Request) -> Reply | NoReply:
        """Send a request of the sign-in or the life cycle, on a connection of its own."""
        if self._given is None and self._once is None:
            self._once = new_client(keep=False)
        return send(self._given or self._once or self.api, request)

    def close(self) -> None:
        """Close what was made here."""
        for client in (self._api, self._once):
            if client is not None:
                client.close()
        self._api = self._once = None


class AsyncConnections:
    """The async clients of one `AsyncTrakt`; otherwise as `Connections`."""

    def __init__(self, given: HttpAsyncClient | None = None) -> None:
        self._given = given
        self._api: HttpAsyncClient | None = None
        self._once: HttpAsyncClient | None = None

    @property
    def api(self) -> HttpAsyncClient:
        """Return the client for API requests."""
        if self._given is not None:
            return self._given
        if self._api is None:
            self._api = new_async_client()
        return self._api

    async def send(self, request: Request) -> Reply | NoReply:
        """Send a request of the sign-in or the life cycle, on a connection of its own."""
        if self._given is None and self._once is None:
            self._once = new_async_client(keep=False)
        return await asend(self._given or self._once or self.api, request)

    async def close(self) -> None:
        """Close what was made here."""
        for client in (self._api, self._once):
            if client is not None:
                await client.aclose()
        self._api = self._once = None
