"""The HTTP client of a keeper: each request on a connection of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from traktauth.client.driver.threads import in_own_thread, in_thread
from traktauth.client.http_clients import HttpClients
from traktauth.flow.effects import NoResponse
from traktauth.wire.messages import Request, Response


@asynccontextmanager
async def open_sender(
    url: str = "", *, product: str | None = None
) -> AsyncGenerator[Callable[[Request], Awaitable[Response | NoResponse]]]:
    """Open an HTTP client and yield the function that sends one request of a keeper.

    No connection is kept: a response that a proxy sends twice, or late, would be taken for that of the next login, and
    a refresh on a connection that the other side is just closing would be unconfirmed.

    Args:
        url: the base address of the token endpoint.
        product: the application's product token for `User-Agent`.

    Raises:
        TryLater: the environment names a proxy or certificates that cannot be used; nothing was sent.
    """
    clients = HttpClients(url=url, product=product)
    await in_thread(clients.prepare)

    async def send(request: Request) -> Response | NoResponse:
        return await in_own_thread(lambda: clients.send(request))

    try:
        yield send
    finally:
        clients.close()
