"""aiohttp, by a client middleware.

```python
async with AsyncTrakt.from_env() as trakt, ClientSession(middlewares=(TraktMiddleware(trakt),)) as session:
    async with session.get("https://api.trakt.tv/users/settings") as response:
        ...
```
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from traktauth import AsyncTrakt
from traktauth.adapters._shared import check_login
from traktauth.client.attempt import UNAUTHORIZED
from traktauth.extras import check_version, missing_library

try:
    import aiohttp
except ModuleNotFoundError as error:
    raise missing_library("aiohttp", error) from None

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

check_version("aiohttp", (3, 12, 1))  # 3.12.0 has client middlewares, but cannot send a file again


class TraktMiddleware:
    """Authorizes requests to the API; for `ClientSession(middlewares=(…,))` or one request's.

    A request to any other address is left alone, also one that a redirect leads to. After a 401 the request is sent
    once more with another token: bytes, text and forms again, a file from where it stood. A body that can be read only
    once (an async generator) is not sent again; the 401 is returned, and the next request has another token.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is a `Trakt`.
        LoginRequired: (when a request is made) the user has to sign in again.
        TryLater: (when a request is made) Trakt cannot be reached, and no token is valid.
        StoreFailed: (when a request is made) the store cannot be read or written.
    """

    def __init__(self, trakt: AsyncTrakt) -> None:
        self._trakt = check_login(self, trakt, AsyncTrakt, "TraktAuth of traktauth.adapters.requests")

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request; aiohttp calls this again for each redirect."""
        url = str(request.url)
        if not self._trakt.config.api.contains(url):
            return await handler(request)
        attempt = await self._trakt.attempt(url)
        while True:
            for name, value in attempt.headers.items():
                request.headers[name] = value
            response = await handler(request)
            if response.status != UNAUTHORIZED:
                return response
            try:
                following = await attempt.retry(url)
            except BaseException:
                response.close()  # the caller does not get it
                raise
            if following is None or not _can_be_sent_again(request):
                return response
            with suppress(aiohttp.ClientError):  # read to its end, so that the connection can be used again
                await response.read()
            response.release()
            attempt = following


def _can_be_sent_again(request: ClientRequest) -> bool:
    """Return whether a body can be sent again."""
    body = request.body
    return isinstance(body, bytes) or not body.consumed
