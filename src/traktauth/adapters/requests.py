"""requests, and every library on it, such as PyTrakt and PlexTraktSync.

```python
session = requests.Session()
session.auth = TraktAuth(Trakt.from_env())
session.get("https://api.trakt.tv/users/settings")

trakt.core.api().auth = TraktAuth(Trakt.from_env())  # PyTrakt
```
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from traktauth import Trakt
from traktauth.adapters._shared import check_login, position_of, resend
from traktauth.extras import check_version, missing_library

try:
    from requests.auth import AuthBase
except ModuleNotFoundError as error:
    raise missing_library("requests", error) from None

if TYPE_CHECKING:
    from requests import PreparedRequest

check_version("requests", (2, 31))


class TraktAuth(AuthBase):
    """Authorizes requests to the API; for `Session.auth` and for `requests.get(auth=)`.

    After a 401 the request is sent once more with another token: bytes and text again, a file from where it stood. A
    body that can be read only once (a generator) is not sent again; the 401 is returned, and the next request has
    another token.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is an `AsyncTrakt`; requests has no async client.
        ValueError: (when a request is made) its address is outside the service's API; nothing is sent.
        LoginRequired: (when a request is made) the user has to sign in again.
        TryLater: (when a request is made) Trakt cannot be reached, and no token is valid.
        StoreFailed: (when a request is made) the store cannot be read or written.
    """

    def __init__(self, trakt: Trakt) -> None:
        self._trakt = check_login(self, trakt, Trakt, "AsyncTraktAuth of traktauth.adapters.httpx")

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Put the login's header fields on a request, and watch its response."""
        attempt = self._trakt.attempt(r.url or "")
        for name, value in attempt.headers.items():  # in a fifth of the time that `update` takes
            r.headers[name] = value
        r.register_hook("response", partial(resend, attempt, position_of(r.body)))
        return r
