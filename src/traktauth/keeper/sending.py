"""What sends a keeper's requests, on connections that are kept while they are busy."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from traktauth.client.http import HttpAsyncClient
    from traktauth.flow.effects import NoReply
    from traktauth.wire.messages import Reply, Request

# An idle connection is soon given up: a refresh on one that the other side is just closing would be unconfirmed.
_IDLE = 1.0


class Lines:
    """Clients of one request at a time, the last used first.

    One client for all would look at each of its idle connections for every request, which costs as much as the rest of
    a renewal, and would close all but twenty after each wave of answers.
    """

    def __init__(self) -> None:
        from traktauth.client.http import new_tls  # noqa: PLC0415 - it imports the HTTP library

        self._tls = new_tls()
        self._all: list[HttpAsyncClient] = []
        self._free: list[HttpAsyncClient] = []

    async def send(self, request: Request) -> Reply | NoReply:
        """Send one request; never twice."""
        from traktauth.client.http import asend, new_async_client  # noqa: PLC0415 - the same

        if not self._free:
            self._free.append(new_async_client(idle=_IDLE, tls=self._tls))
            self._all.append(self._free[-1])
        client = self._free.pop()
        try:
            return await asend(client, request)
        finally:
            self._free.append(client)

    async def close(self) -> None:
        """Hang up."""
        while self._all:
            await self._all.pop().aclose()


@asynccontextmanager
async def sender() -> AsyncGenerator[Callable[[Request], Awaitable[Reply | NoReply]]]:
    """Make what sends a keeper's requests."""
    lines = Lines()
    try:
        yield lines.send
    finally:
        await lines.close()
