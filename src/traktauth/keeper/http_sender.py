"""The HTTP client of a keeper: each request on a connection of its own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from traktauth.client.driver.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

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
    from traktauth.client.http import is_on_this_machine, load, new_async_client  # noqa: PLC0415 - on first use

    await in_thread(load)
    from traktauth.client.http_exchange import send_async  # noqa: PLC0415 - `load` has imported it in a thread

    async with new_async_client(keep=False, direct=is_on_this_machine(url)) as client:

        async def send(request: Request) -> Response | NoResponse:
            return await send_async(client, request.from_product(product), keeps_bytes=True)

        yield send
