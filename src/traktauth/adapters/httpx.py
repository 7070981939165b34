"""httpx, blocking and async; for httpx2 there is `Trakt.auth`.

```python
client = httpx.Client(auth=TraktAuth(Trakt.from_env()))
client.get("https://api.trakt.tv/users/settings")
```
"""

from __future__ import annotations

from traktauth import AsyncTrakt, Trakt
from traktauth.adapters._shared import check_login
from traktauth.client.httpx_auth import AsyncFlow, BlockingFlow
from traktauth.extras import check_version, missing_library

try:
    import httpx
except ModuleNotFoundError as error:
    raise missing_library("httpx", error) from None


check_version("httpx", (0, 27))


class TraktAuth(BlockingFlow, httpx.Auth):
    """Authorizes requests to the API; for `httpx.Client(auth=)` and for `httpx.get(auth=)`.

    After a 401 the request is sent once more with another token if its body is in memory. A file, a multipart body with
    files or a generator is not sent again; the 401 is returned, and the next request has another token.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is an `AsyncTrakt`.
        ValueError: (when a request is made) its address is outside the service's API; nothing is sent.
        LoginRequired: (when a request is made) the user has to sign in again.
        TryLater: (when a request is made) Trakt cannot be reached, and no token is valid.
        StoreFailed: (when a request is made) the store cannot be read or written.
    """

    _in_memory = httpx.ByteStream

    def __init__(self, trakt: Trakt) -> None:
        self._new_attempt = check_login(self, trakt, Trakt, "AsyncTraktAuth").attempt


class AsyncTraktAuth(AsyncFlow, httpx.Auth):
    """Authorizes requests to the API like `TraktAuth`; for `httpx.AsyncClient(auth=)`.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is a `Trakt`.
    """

    _in_memory = httpx.ByteStream

    def __init__(self, trakt: AsyncTrakt) -> None:
        self._new_attempt = check_login(self, trakt, AsyncTrakt, "TraktAuth").attempt
