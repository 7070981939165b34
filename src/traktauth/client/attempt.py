"""The rule for a 401 from the API: at most one second sending, with another token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

from traktauth.client.account_config import AccountConfig
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Flow
from traktauth.flow.get_token import get_token_after_rejection
from traktauth.models import Token

UNAUTHORIZED = 401  # the one status after which a request is sent again


class _Attempt:
    """What a blocking and an async attempt have in common: everything but how a token is obtained."""

    __slots__ = ("_began", "_config", "_is_retry", "_run", "_token", "headers", "url")

    def __init__(
        self,
        config: AccountConfig,
        url: str,
        token: Token,
        began: float,
        run: Callable[[Callable[[FlowContext], Flow[Token]]], Any],
        *,
        is_retry: bool = False,
    ) -> None:
        self._config = config
        self._token = token
        self._began = began
        self._is_retry = is_retry
        self._run = run
        self.url = url
        self.headers: Mapping[str, str] = config.headers.authorization(token)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, token {self._token.fingerprint})"

    def _next_token(self, url: str | None) -> Callable[[FlowContext], Flow[Token]] | None:
        """Return the flow that gets another token; None if another sending would not help.

        Args:
            url: the address that answered 401, or its path; None: the one that the attempt was made for.
        """
        config, token = self._config, self._token
        if url is not None and not _is_path(url) and not config.api.contains(url):
            return None  # a redirect led to another host, which got no token and says nothing about it
        is_from_this_call = self._began < token.expires_at - token.expires_in <= config.context.clock()
        if self._is_retry or is_from_this_call:
            return None  # another refresh would not help
        return partial(get_token_after_rejection, rejected=token.access_token)

    def _with(self, token: Token) -> Self | None:
        """Return the next attempt; None if the token is the same."""
        if token == self._token:
            return None
        return type(self)(self._config, self.url, token, self._began, self._run, is_retry=True)


def _is_path(url: str) -> bool:
    return url.startswith("/") and not url.startswith("//")


class Attempt(_Attempt):
    """One sending of an API request with any HTTP client.

    ```python
    attempt = trakt.attempt(url)
    while attempt is not None:
        response = client.get(url, headers=attempt.headers)
        if response.status_code != 401:
            break
        attempt = attempt.retry(str(response.url))
    ```

    Attributes:
        url: the address that the request is for.
        headers: `Authorization`, `trakt-api-key` and `trakt-api-version`; read-only.
    """

    __slots__ = ()

    def retry(self, url: str | None = None) -> Attempt | None:
        """Return the next attempt after a 401, with another token; None if another sending would not help.

        If the request's body can be read only once: call this, so that the next request gets another token, and return
        the 401.

        Args:
            url: the address that answered; another one than the request's after a redirect. A 401 from an address
                outside the API refreshes nothing. A path alone, as urllib3 returns it, is of the request's host.

        Raises:
            LoginRequired: the API has rejected the token, and it cannot be refreshed any more.
            TryLater: the token could not be refreshed now.
            StoreFailed: the store cannot be read or written.
        """
        flow = self._next_token(url)
        return None if flow is None else self._with(self._run(flow))


class AsyncAttempt(_Attempt):
    """One sending of an API request with any async HTTP client; used as `Attempt`, and `retry` is awaited."""

    __slots__ = ()

    async def retry(self, url: str | None = None) -> AsyncAttempt | None:
        """Return the next attempt after a 401, with another token; None if another sending would not help."""
        flow = self._next_token(url)
        return None if flow is None else self._with(await self._run(flow))
