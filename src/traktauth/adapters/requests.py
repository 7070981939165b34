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
from typing import TYPE_CHECKING, Any

from traktauth import Attempt, Trakt
from traktauth.adapters import _resend_body
from traktauth.adapters._checks import check_login
from traktauth.client.attempt import UNAUTHORIZED
from traktauth.extras import check_version, missing_library

try:
    from requests.auth import AuthBase
except ModuleNotFoundError as error:
    raise missing_library("requests", error) from None

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

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
        LoginRequired, TryLater, StoreFailed: (when a request is made) as for `Trakt.token`.
    """

    def __init__(self, trakt: Trakt) -> None:
        self._trakt = check_login(self, trakt, Trakt, "AsyncTraktAuth of traktauth.adapters.httpx")

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Put the login's header fields on a request, and watch its response."""
        attempt = self._trakt.attempt(r.url or "")
        for name, value in attempt.headers.items():  # in a fifth of the time that `update` takes
            r.headers[name] = value
        r.register_hook("response", partial(_resend, attempt, _resend_body.position_of(r.body)))
        return r


def _resend(attempt: Attempt, position: _resend_body.Position, response: Response, **options: Any) -> Response:  # noqa: ANN401 - requests' own
    """Send a request once more if the API has rejected its token.

    requests calls this for the responses of redirects, too, and takes the token off a request to another host: only a
    401 to the token that was sent counts.
    """
    sent = response.request
    if response.status_code != UNAUTHORIZED or sent.headers.get("Authorization") != attempt.headers["Authorization"]:
        return response
    try:
        following = attempt.retry(response.url)
    except BaseException:
        response.close()  # the caller does not get it
        raise
    if following is None or not _resend_body.rewind(sent.body, position):
        return response
    _ = response.content  # read to its end, so that the connection can be used again
    response.close()
    response.request = sent.copy()
    sent.headers.update(following.headers)  # a redirect is made from this request
    again: Response = response.connection.send(sent, **options)
    again.history.append(response)
    again.request = sent
    if again.status_code == UNAUTHORIZED:
        following.retry(again.url)  # it returns None, and remembers that a refresh did not help
    return again
