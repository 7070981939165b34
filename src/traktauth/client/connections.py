"""The HTTP clients behind a `Trakt`, each made on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.client.http import api_request, asend, new_async_client, new_client, send

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.client.http import HttpAsyncClient, HttpClient, HttpResponse
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

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        json: Any,  # noqa: ANN401 - whatever JSON takes
        headers: Mapping[str, str],
    ) -> HttpResponse:
        """Send an API request on a kept connection; redirects are not followed."""
        if self._given is not None:  # with whatever its owner gave it: header fields, cookies, a time limit
            return self._given.request(
                method, url, params=params, json=json, headers=headers, follow_redirects=False, auth=None
            )
        if self._api is None:
            self._api = new_client()
        request = api_request(method, url, params=params, json=json, headers=headers)
        return self._api.send(request, follow_redirects=False, auth=None)

    def send(self, request: Request) -> Reply | NoReply:
        """Send a request of the sign-in or the life cycle, on a connection of its own."""
        if self._given is not None:
            return send(self._given, request)
        if self._once is None:
            self._once = new_client(keep=False)
        return send(self._once, request)

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

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        json: Any,  # noqa: ANN401 - whatever JSON takes
        headers: Mapping[str, str],
    ) -> HttpResponse:
        """Send an API request; otherwise as `Connections.request`."""
        if self._given is not None:
            return await self._given.request(
                method, url, params=params, json=json, headers=headers, follow_redirects=False, auth=None
            )
        if self._api is None:
            self._api = new_async_client()
        request = api_request(method, url, params=params, json=json, headers=headers)
        return await self._api.send(request, follow_redirects=False, auth=None)

    async def send(self, request: Request) -> Reply | NoReply:
        """Send a request of the sign-in or the life cycle, on a connection of its own."""
        if self._given is not None:
            return await asend(self._given, request)
        if self._once is None:
            self._once = new_async_client(keep=False)
        return await asend(self._once, request)

    async def close(self) -> None:
        """Close what was made here."""
        for client in (self._api, self._once):
            if client is not None:
                await client.aclose()
        self._api = self._once = None
