"""httpx, blocking and async; for httpx2 there is `Trakt.auth`.

```python
client = httpx.Client(auth=TraktAuth(Trakt.from_env()))
client.get("https://api.trakt.tv/users/settings")
```
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any

from traktauth import AsyncTrakt, Trakt
from traktauth.adapters._checks import check_login
from traktauth.client.httpx_flow import async_auth_flow, sync_auth_flow
from traktauth.extras import check_version, missing_library

try:
    import httpx
except ModuleNotFoundError as error:
    raise missing_library("httpx", error) from None


check_version("httpx", (0, 27))


class TraktAuth(httpx.Auth):
    """Authorizes requests to the API; for `httpx.Client(auth=)` and for `httpx.get(auth=)`.

    After a 401 the request is sent once more with another token if its body is in memory. A file, a multipart body with
    files or a generator is not sent again; the 401 is returned, and the next request has another token.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is an `AsyncTrakt`.
        ValueError: (when a request is made) its address is outside the service's API; nothing is sent.
        LoginRequired, TryLater, StoreFailed: (when a request is made) as for `Trakt.token`.
    """

    def __init__(self, trakt: Trakt) -> None:
        self._trakt = check_login(self, trakt, Trakt, "AsyncTraktAuth")

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request, and once more with another token if the API rejected the first."""
        return sync_auth_flow(self._trakt.attempt, request, httpx.ByteStream)

    def async_auth_flow(self, request: httpx.Request) -> Any:  # noqa: ANN401, ARG002 - never returns
        """Refuse: this one blocks.

        Raises:
            TypeError: always.
        """
        raise TypeError("TraktAuth blocks; give an httpx.AsyncClient an AsyncTraktAuth")


class AsyncTraktAuth(httpx.Auth):
    """Authorizes requests to the API like `TraktAuth`; for `httpx.AsyncClient(auth=)`.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is a `Trakt`.
    """

    def __init__(self, trakt: AsyncTrakt) -> None:
        self._trakt = check_login(self, trakt, AsyncTrakt, "TraktAuth")

    def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send the request, and once more with another token if the API rejected the first."""
        return async_auth_flow(self._trakt.attempt, request, httpx.ByteStream)

    def sync_auth_flow(self, request: httpx.Request) -> Any:  # noqa: ANN401, ARG002 - never returns
        """Refuse: this one is awaited.

        Raises:
            TypeError: always.
        """
        raise TypeError("AsyncTraktAuth is awaited; give an httpx.Client a TraktAuth")
