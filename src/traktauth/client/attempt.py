"""The rule for a 401 from the API: at most one second sending, with another token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from traktauth.client.account_config import AccountConfig
from traktauth.client.driver.bound_store import BoundStore
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Flow
from traktauth.flow.get_token import get_token_after_rejection
from traktauth.models import Record, Token
from traktauth.models.refresh_window import fresh_between

UNAUTHORIZED = 401  # the one status after which a request is sent again


class FreshToken:
    """A login's token while it is fresh and its record is unchanged, with its header fields.

    An API request needs it in microseconds: a flow, its driver and the store's checks cost more than a fast HTTP client
    does. It is used only while the store shows the same record without an input or a lock (`TokenStore.peek`).

    Attributes:
        token: the token.
        headers: an API request's `Authorization`, `trakt-api-key` and `trakt-api-version`; read-only.
    """

    __slots__ = ("_record", "_seen", "_since", "_until", "headers", "token")

    def __init__(self, record: Record, token: Token, headers: Mapping[str, str], seen: int) -> None:
        self._record = record
        self._seen = seen
        self._since, self._until = fresh_between(token)
        self.token = token
        self.headers = headers

    def is_current(self, bound_store: BoundStore, now: float) -> bool:
        """Return whether a flow would return the same token, as nothing has changed."""
        return self._since < now < self._until and bound_store.shows(self._record, self._seen)

    @classmethod
    def of(cls, bound_store: BoundStore, token: Token, headers: Mapping[str, str], now: float) -> FreshToken | None:
        """Return it for what a flow has just returned; None if it is not fresh, or the store cannot show it at once."""
        since, until = fresh_between(token)
        seen = bound_store.seen
        record = bound_store.peek() if since < now < until else None
        if record is None or record.token is not token or record.rejected_at is not None:
            return None
        return cls(record, token, headers, seen)


class _Attempt:
    """What a blocking and an async attempt have in common: everything but how a token is obtained."""

    __slots__ = ("_began", "_config", "_is_retry", "_token", "headers", "url")

    _config: AccountConfig
    _token: Token
    _began: float
    _is_retry: bool
    url: str
    headers: Mapping[str, str]

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

    __slots__ = ("_run",)

    def __init__(
        self,
        config: AccountConfig,
        url: str,
        token: Token,
        headers: Mapping[str, str],
        began: float,
        run: Callable[[Callable[[FlowContext], Flow[Token]]], Token],
        *,
        is_retry: bool = False,
    ) -> None:
        self._config = config
        self._token = token
        self._began = began
        self._is_retry = is_retry
        self._run = run
        self.url = url
        self.headers = headers

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
        if flow is None:
            return None
        token = self._run(flow)
        if token == self._token:
            return None
        headers = self._config.headers.authorization(token)
        return Attempt(self._config, self.url, token, headers, self._began, self._run, is_retry=True)


class AsyncAttempt(_Attempt):
    """The same for an `AsyncTrakt`: `retry` is awaited."""

    __slots__ = ("_run",)

    def __init__(
        self,
        config: AccountConfig,
        url: str,
        token: Token,
        headers: Mapping[str, str],
        began: float,
        run: Callable[[Callable[[FlowContext], Flow[Token]]], Awaitable[Token]],
        *,
        is_retry: bool = False,
    ) -> None:
        self._config = config
        self._token = token
        self._began = began
        self._is_retry = is_retry
        self._run = run
        self.url = url
        self.headers = headers

    async def retry(self, url: str | None = None) -> AsyncAttempt | None:
        """Return the next attempt after a 401; otherwise as `Attempt.retry`."""
        flow = self._next_token(url)
        if flow is None:
            return None
        token = await self._run(flow)
        if token == self._token:
            return None
        headers = self._config.headers.authorization(token)
        return AsyncAttempt(self._config, self.url, token, headers, self._began, self._run, is_retry=True)
