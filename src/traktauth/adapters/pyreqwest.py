"""pyreqwest, blocking and async, by a middleware.

```python
client = ClientBuilder().with_middleware(TraktMiddleware(trakt)).build()
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth import AsyncAttempt, AsyncTrakt, Attempt, Trakt
from traktauth.adapters._shared import check_login
from traktauth.client.attempt import UNAUTHORIZED
from traktauth.extras import check_version, missing_library

try:
    import pyreqwest  # noqa: F401 # pyright: ignore[reportUnusedImport] - to see whether it is there
except ModuleNotFoundError as error:
    raise missing_library("pyreqwest", error) from None

if TYPE_CHECKING:
    from pyreqwest.middleware import Next, SyncNext
    from pyreqwest.request import Request
    from pyreqwest.response import Response, SyncResponse

check_version("pyreqwest", (0, 12))


class TraktMiddleware:
    """Authorizes requests to the API; for `ClientBuilder().with_middleware(…)`.

    A request to any other address is left alone. After a 401 the request is sent once more with another token, unless
    its body is a stream; then the 401 is returned, and the next request has another token.

    A response of pyreqwest does not name the address that it came from: a 401 of another host, to which a redirect led,
    costs one needless refresh, once. Until the next refresh a 401 of the API is then returned as it is.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is a `Trakt`.
        LoginRequired: (when a request is made) the user has to sign in again.
        TryLater: (when a request is made) Trakt cannot be reached, and no token is valid.
        StoreFailed: (when a request is made) the store cannot be read or written.
    """

    def __init__(self, trakt: AsyncTrakt) -> None:
        self._trakt = check_login(self, trakt, AsyncTrakt, "SyncTraktMiddleware")

    async def __call__(self, request: Request, next_handler: Next) -> Response:
        """Send a request, and once more with another token if the API rejected the first."""
        url = str(request.url)
        if not self._trakt.config.api.contains(url):
            return await next_handler.run(request)
        attempt = await self._trakt.attempt(url)
        spare = _copy(request)
        response = await next_handler.run(_authorize(request, attempt))
        following = await attempt.retry() if response.status == UNAUTHORIZED else None
        if following is None or spare is None:
            return response
        await response.bytes()  # read to its end, so that the connection can be used again
        response = await next_handler.run(_authorize(spare, following))
        if response.status == UNAUTHORIZED:
            await following.retry()  # it returns None, and remembers that a refresh did not help
        return response


class SyncTraktMiddleware:
    """Authorizes requests to the API like `TraktMiddleware`; for `SyncClientBuilder().with_middleware(…)`.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is an `AsyncTrakt`.
    """

    def __init__(self, trakt: Trakt) -> None:
        self._trakt = check_login(self, trakt, Trakt, "TraktMiddleware")

    def __call__(self, request: Request, next_handler: SyncNext) -> SyncResponse:
        """Send a request, and once more with another token if the API rejected the first."""
        url = str(request.url)
        if not self._trakt.config.api.contains(url):
            return next_handler.run(request)
        attempt = self._trakt.attempt(url)
        spare = _copy(request)
        response = next_handler.run(_authorize(request, attempt))
        following = attempt.retry() if response.status == UNAUTHORIZED else None
        if following is None or spare is None:
            return response
        response.bytes()
        response = next_handler.run(_authorize(spare, following))
        if response.status == UNAUTHORIZED:
            following.retry()
        return response


def _copy(request: Request) -> Request | None:
    """Return a copy for a second sending; None if the body is a stream, which can be read only once."""
    body = request.body
    if body is not None and body.copy_bytes() is None:
        return None
    return request.copy()


def _authorize(request: Request, attempt: Attempt | AsyncAttempt) -> Request:
    headers = request.headers
    for name, value in attempt.headers.items():  # `update` takes five times as long
        headers[name] = value
    headers.insert("Authorization", attempt.headers["Authorization"], is_sensitive=True)
    return request
