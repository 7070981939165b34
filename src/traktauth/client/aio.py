"""AsyncTrakt: a signed-in account, for asyncio."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from traktauth.client.adrive import AsyncDriver
from traktauth.client.connections import AsyncConnections
from traktauth.client.keeping import AsyncKeeping
from traktauth.client.setup import Setup
from traktauth.errors import LoginRequired, TryLater
from traktauth.flow.lifecycle import refresh, usable_token
from traktauth.stores.addresses import open_async_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from traktauth.client.http import HttpAsyncClient, HttpAuth, HttpResponse
    from traktauth.client.person import Way
    from traktauth.flow.signout import SignedOut
    from traktauth.flow.steps import Step
    from traktauth.flow.terms import LostReply
    from traktauth.models import App, Token
    from traktauth.protocol import Service
    from traktauth.stores.abase import AsyncTokenStore
    from traktauth.stores.base import TokenStore

UNAUTHORIZED = 401


class AsyncTrakt:
    """Same as `Trakt`, but its verbs are awaited; safe to use from many tasks, event loops and processes.

    Each event loop has connections of its own; `close` closes those of the loop in which it is awaited.
    """

    def __init__(
        self,
        app: App,
        *,
        service: str | Service = "trakt",
        store: str | TokenStore | AsyncTokenStore = "file:",
        account: str = "default",
        lost_reply: LostReply = "last-attempt",
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        http: HttpAsyncClient | None = None,
    ) -> None:
        setup = Setup(
            app,
            service=service,
            account=account,
            lost_reply=lost_reply,
            insecure=insecure,
            clock=clock,
        )
        self._use(setup, open_async_store(store), AsyncConnections(http), owner=True)

    def _use(self, setup: Setup, store: AsyncTokenStore, connections: AsyncConnections, *, owner: bool) -> None:
        self.setup = setup
        self.store = store
        self.keeping = AsyncKeeping(store, setup.key, setup.terms.clock)
        self._connections = connections
        self._owner = owner
        self._driver = AsyncDriver(self.keeping, connections.send, unfinished=connections.unfinished)

    @classmethod
    def from_env(cls, **given: Any) -> Self:  # noqa: ANN401 - as `read_settings` and the class take them
        """Same as `Trakt.from_env`."""
        from traktauth.client.settings import read_settings, take_objects  # noqa: PLC0415 - only here

        objects = take_objects(given)
        settings = read_settings(**given)
        return cls(settings.app(), **(settings.place() | objects))

    @property
    def account(self) -> str:
        """Return the user's own name for the account."""
        return self.setup.account

    def for_account(self, account: str) -> Self:
        """Same as `Trakt.for_account`."""
        other = object.__new__(type(self))
        other._use(self.setup.another(account), self.store, self._connections, owner=False)
        return other

    async def login(
        self,
        way: Way | None = None,
        *,
        prompt: Callable[[Step], str | None] | None = None,
        signup: bool | None = None,
        open_browser: bool = True,
    ) -> Token:
        """Same as `Trakt.login`; `prompt` is a plain function, called in a thread where it has to answer."""
        from traktauth.client.signing import person_and_flow  # noqa: PLC0415 - only a sign-in needs it

        person, flow = person_and_flow(self.setup, way, prompt=prompt, signup=signup, open_browser=open_browser)
        connections = self._connections
        driver = AsyncDriver(self.keeping, connections.send, person=person, unfinished=connections.unfinished)
        return await driver.run(flow)

    async def token(self, *, min_life: float = 0.0) -> Token:
        """Same as `Trakt.token`."""
        return await self._driver.run(usable_token(self.setup.terms, min_life=min_life))

    async def refresh(self, *, force: bool = False, since: float | None = None) -> Token:
        """Same as `Trakt.refresh`."""
        return await self._driver.run(refresh(self.setup.terms, resend=force, since=since))

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,  # noqa: ANN401 - whatever JSON takes
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """Same as `Trakt.request`."""
        url = self.setup.api_url(path)
        began = self.setup.terms.clock()
        token = await self.token()
        response = await self._connections.request(
            method, url, params=params, json=json, headers=self.setup.headers_for(token, headers)
        )
        if response.status_code != UNAUTHORIZED:
            return response
        renewed = await self._renewed_after_refusal(token, began)
        if renewed is None:
            return response
        response = await self._connections.request(
            method, url, params=params, json=json, headers=self.setup.headers_for(renewed, headers)
        )
        if response.status_code == UNAUTHORIZED:
            self.setup.arrived_dead(renewed)
        return response

    async def _renewed_after_refusal(self, token: Token, began: float) -> Token | None:
        """Return another token than one that an API has just answered 401 to; None where none can be had."""
        if not self.setup.worth_renewing(token, began):
            return None
        try:
            return await self._driver.run(usable_token(self.setup.terms, refused=token.access_token))
        except (LoginRequired, TryLater):
            return None

    async def logout(self, *, local: bool = False) -> SignedOut:
        """Same as `Trakt.logout`."""
        from traktauth.flow.signout import sign_out  # noqa: PLC0415 - only a sign-out needs it

        return await self._driver.run(sign_out(self.setup.terms, local=local))

    @property
    def auth(self) -> HttpAuth:
        """Return an `httpx2.Auth` for an `AsyncClient` of your own."""
        from traktauth.client.auth import AsyncTraktAuth  # noqa: PLC0415 - it imports the HTTP library

        return AsyncTraktAuth(self.setup, self.token, self._renewed_after_refusal)

    async def close(self) -> None:
        """Close connections and store."""
        if self._owner:
            await self._connections.close()
            await self.store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Async{self.setup.name()}"
