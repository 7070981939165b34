"""The HTTP clients behind a `Trakt`, each made on first use."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from traktauth.client.http import api_request, asend, new_async_client, new_client, send
from traktauth.client.threads import Unfinished

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from traktauth.client.http import HttpAsyncClient, HttpClient, HttpResponse
    from traktauth.flow.effects import NoReply
    from traktauth.wire.messages import Reply, Request


class Connections:
    """The blocking clients of one `Trakt` and those that share with it, each made on first use.

    A forked child makes its own: two processes that write into one connection would get each other's answers.

    Args:
        given: somebody else's client, used for everything and never closed by us.
    """

    def __init__(self, given: HttpClient | None = None) -> None:
        self._given = given
        self._clients: dict[bool, HttpClient] = {}
        self._process = os.getpid()
        self._lock = threading.Lock()
        self.unfinished = Unfinished()  # the renewals that are under way with these clients

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
        request = api_request(method, url, params=params, json=json, headers=headers)
        return self._client(keep=True).send(request, follow_redirects=False, auth=None)

    def send(self, request: Request) -> Reply | NoReply:
        """Send a request of the sign-in or the life cycle, on a connection of its own."""
        return send(self._given or self._client(keep=False), request)

    def _client(self, *, keep: bool) -> HttpClient:
        if self._process != os.getpid():
            _parents.append(self._clients)
            self._clients, self._process, self._lock = {}, os.getpid(), threading.Lock()
        client = self._clients.get(keep)
        if client is None:
            with self._lock:
                if keep not in self._clients:
                    self._clients[keep] = new_client(keep=keep)
                client = self._clients[keep]
        return client

    def close(self) -> None:
        """Close what was made here, once no renewal is under way."""
        self.unfinished.wait()
        clients, self._clients = self._clients, {}
        if self._process == os.getpid():
            for client in clients.values():
                client.close()
        else:
            _parents.append(clients)


# Clients of the process that this one was forked from: never used, nor closed, as that would be said to the server.
_parents: list[Any] = []


class AsyncConnections:
    """The async clients of one `AsyncTrakt`, for each event loop its own; otherwise as `Connections`."""

    def __init__(self, given: HttpAsyncClient | None = None) -> None:
        self._given = given
        self._clients: dict[tuple[asyncio.AbstractEventLoop, bool], HttpAsyncClient] = {}
        self.unfinished: set[asyncio.Task[Any]] = set()

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
        request = api_request(method, url, params=params, json=json, headers=headers)
        return await self._client(keep=True).send(request, follow_redirects=False, auth=None)

    async def send(self, request: Request) -> Reply | NoReply:
        """Send a request of the sign-in or the life cycle, on a connection of its own."""
        return await asend(self._given or self._client(keep=False), request)

    def _client(self, *, keep: bool) -> HttpAsyncClient:
        from asyncio import get_running_loop  # noqa: PLC0415 - a blocking program does without

        loop = get_running_loop()
        client = self._clients.get((loop, keep))
        if client is None:
            for key in list(self._clients):
                if key[0].is_closed():  # its connections went with it
                    self._clients.pop(key, None)
            client = self._clients[loop, keep] = new_async_client(keep=keep)
        return client

    async def close(self) -> None:
        """Close what was made here in this event loop, once no renewal is under way in it."""
        import asyncio  # noqa: PLC0415 - the same

        loop = asyncio.get_running_loop()
        while mine := {task for task in self.unfinished if task.get_loop() is loop}:
            await asyncio.wait(mine)
        for keep in (True, False):
            client = self._clients.pop((loop, keep), None)
            if client is not None:
                await client.aclose()
