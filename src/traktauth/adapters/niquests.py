"""niquests, blocking and async.

niquests brings a library in the place of urllib3, so the extra `niquests` is not part of `all`.

```python
session = niquests.Session()
session.auth = TraktAuth(Trakt.from_env())
```
"""

# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
# It is installed in an environment of its own, as it replaces urllib3.

# ruff: noqa: ANN401 - niquests' own requests and responses

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from traktauth import AsyncAttempt, AsyncTrakt, Trakt
from traktauth.adapters._shared import Position, check_login, is_rejection, position_of, resend, rewind
from traktauth.client.attempt import UNAUTHORIZED
from traktauth.extras import check_version, missing_library

try:
    from niquests.auth import AsyncAuthBase, AuthBase
except ModuleNotFoundError as error:
    raise missing_library("niquests", error) from None


check_version("niquests", (3, 14))


class TraktAuth(AuthBase):
    """Authorizes requests to the API; for `Session.auth` and for `niquests.get(auth=)`.

    It behaves as `traktauth.adapters.requests.TraktAuth` does.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is an `AsyncTrakt`.
    """

    def __init__(self, trakt: Trakt) -> None:
        self._trakt = check_login(self, trakt, Trakt, "AsyncTraktAuth")

    def __call__(self, r: Any) -> Any:
        """Put the login's header fields on a request, and watch its response."""
        attempt = self._trakt.attempt(r.url)
        r.headers.update(attempt.headers)
        r.register_hook("response", partial(resend, attempt, position_of(r.body)))
        return r


class AsyncTraktAuth(AsyncAuthBase):
    """Authorizes requests to the API like `TraktAuth`; for `AsyncSession.auth`.

    Args:
        trakt: the login.

    Raises:
        TypeError: it is a `Trakt`.
    """

    def __init__(self, trakt: AsyncTrakt) -> None:
        self._trakt = check_login(self, trakt, AsyncTrakt, "TraktAuth")

    async def __call__(self, r: Any) -> Any:
        """Put the login's header fields on a request, and watch its response."""
        attempt = await self._trakt.attempt(r.url)
        r.headers.update(attempt.headers)
        r.register_hook("response", _async_hook(attempt, position_of(r.body)))
        return r


async def _await_value(value: Any) -> None:
    if hasattr(value, "__await__"):
        await value


async def _close(response: Any) -> None:
    await _await_value(response.close())


def _async_hook(attempt: AsyncAttempt, position: Position) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a hook that niquests takes for a coroutine function, which a partial is not on every version."""

    async def resend_async(response: Any, **options: Any) -> Any:
        if not is_rejection(attempt, response):
            return response
        sent = response.request
        try:
            following = await attempt.retry(response.url)
        except BaseException:
            await _close(response)
            raise
        if following is None or not rewind(sent.body, position):
            return response
        await _await_value(response.content)  # bytes, or what is to be awaited if the response is streamed
        response.request = sent.copy()
        sent.headers.update(following.headers)
        again = await response.connection.send(sent, **options)
        again.history.append(response)
        again.request = sent
        if again.status_code == UNAUTHORIZED:
            await following.retry(again.url)
        return again

    return resend_async
