"""AsyncTrakt: a signed-in account, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from traktauth.client.async_http_clients import AsyncHttpClients
from traktauth.client.attempt import UNAUTHORIZED, AsyncAttempt
from traktauth.client.base_client import BaseClient
from traktauth.client.driver.async_driver import AsyncDriver
from traktauth.client.driver.loop_store import LoopStore, open_for_async
from traktauth.client.driver.threads import in_thread
from traktauth.errors import LoginMoved, LoginRequired, TryLater
from traktauth.flow.get_token import get_token, get_token_after_rejection
from traktauth.flow.login_status import LoginStatus, read_accounts, read_status
from traktauth.flow.logout import SignedOut, erase, forget, log_out
from traktauth.flow.refresh import refresh
from traktauth.flow.save_login import adopt
from traktauth.models import Token
from traktauth.models.app import check_text
from traktauth.models.changes import Erase
from traktauth.models.token import DeviceCode
from traktauth.protocol import USER_SETTINGS
from traktauth.steps import LoginMethod, Step
from traktauth.stores.base import AsyncTokenStore, TokenStore
from traktauth.stores.errors import call_store
from traktauth.stores.processes import is_alive

if TYPE_CHECKING:
    from traktauth.client.http import HttpAuth, HttpResponse
    from traktauth.client.http_clients import HttpAsyncClient
    from traktauth.client.login.ui import LoginUI
    from traktauth.flow.context import FlowContext
    from traktauth.flow.effects import Flow
else:  # `typing.get_type_hints` needs the names; the HTTP library is imported with the first request
    HttpAsyncClient = HttpAuth = HttpResponse = Any

T = TypeVar("T")


class AsyncTrakt(BaseClient[TokenStore | AsyncTokenStore, HttpAsyncClient]):
    """One account of one app, signed in once and kept so; safe to use from many tasks, event loops and processes.

    Each event loop has connections of its own; `close` closes those of the loop in which it is awaited.
    """

    _http_clients: AsyncHttpClients
    _driver: AsyncDriver

    def _new_http_clients(self, http: HttpAsyncClient | None, *, url: str, product: str | None) -> AsyncHttpClients:
        return AsyncHttpClients(http, url=url, product=product)

    def _open_store(self, store: str | TokenStore | AsyncTokenStore) -> TokenStore:
        return open_for_async(store)

    async def _run(self, flow: Callable[[FlowContext], Flow[T]]) -> T:
        """Run a flow; if the login was moved to another store, run it again there, and go on with that store."""
        while True:
            bound_store, driver = self.bound_store, self._driver
            try:
                return await driver.run(flow(self.config.context))
            except LoginRequired as error:
                error.account = self.config.account
                raise
            except LoginMoved as moved:
                self._bind(await in_thread(partial(bound_store.follow, moved)))

    def _new_driver(
        self, ui: LoginUI | None = None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> AsyncDriver:
        connections = self._http_clients
        return AsyncDriver(
            self.bound_store,
            connections.send,
            ui=ui,
            sleep=sleep,
            unfinished=connections.unfinished,
            prepare=connections.prepare,
        )

    async def login(
        self,
        method: LoginMethod | None = None,
        *,
        prompt: Callable[[Step], str | None] | None = None,
        signup: bool | None = None,
        open_browser: bool = True,
        device: DeviceCode | None = None,
    ) -> Token:
        """Sign in, and save the token before it is returned.

        Args:
            method: `browser`, `device` or `paste`; by default a browser if this machine has one and the app's redirect
                address leads back here, else a device code.
            prompt: a plain function that shows a step (`traktauth.steps`). For `PasteCode` it returns what was pasted,
                and is called in a thread. Default: stderr.
            signup: prefer Trakt's sign-up page.
            open_browser: open the page, beside showing its address.
            device: go on with the code of an earlier `EnterCode` step, whose `expires_in` is the time left.

        Raises:
            LoginRefused: denied, expired, or answered by another server.
            AppRejected: Trakt refused the app's id, secret or redirect address.
            TryLater: Trakt cannot be reached.
            StoreFailed: the store cannot keep the token; this shows before the user signs in.
        """
        from traktauth.client.login.method import prepare_sign_in  # noqa: PLC0415 - only a sign-in needs it

        sign_in = prepare_sign_in(
            self.config, method, prompt=prompt, signup=signup, open_browser=open_browser, device=device
        )
        return await self._new_driver(sign_in.ui, sign_in.sleep_async).run(sign_in.flow)

    async def ensure_login(
        self,
        method: LoginMethod | None = None,
        *,
        prompt: Callable[[Step], str | None] | None = None,
        signup: bool | None = None,
        open_browser: bool = True,
    ) -> Token:
        """Return a token that Trakt accepts; sign in first if there is no login, or if it has ended.

        One request asks the API whether it accepts the token, so a login that the user ended at Trakt is found here. If
        the API cannot be reached, a token that is valid by its expiry is returned.

        Args:
            method: `browser`, `device` or `paste`; None: what suits this machine.
            prompt: shows a step (`traktauth.steps`); default: on stderr.
            signup: prefer Trakt's sign-up page.
            open_browser: open the page, beside showing its address.

        Raises:
            LoginRefused: denied, expired, or answered by another server.
            AppRejected: Trakt refused the app's id, secret or redirect address.
            TryLater: Trakt cannot be reached, and there is no valid token.
            StoreFailed: the store cannot be read or written.
        """
        try:
            token = await self.token()
            with suppress(TryLater):
                await self.request("GET", USER_SETTINGS)  # on a 401 it refreshes the token, or raises LoginRequired
                token = await self.token()
        except LoginRequired as error:
            if error.reason == "moved":
                raise
            return await self.login(method, prompt=prompt, signup=signup, open_browser=open_browser)
        return token

    async def token(self, *, min_life: float = 0.0, rejected: str | None = None) -> Token:
        """Return a usable token, refreshed first if necessary.

        Args:
            min_life: seconds for which it must stay valid.
            rejected: an access token that the API has answered with 401; another one is returned.

        Raises:
            LoginRequired: the user has to sign in again.
            TryLater: Trakt cannot be reached, and no token is valid.
            StoreFailed: the store cannot be read, or not written while no token is valid.
            ValueError: tokens of this service are never valid for `min_life`.
        """
        if rejected is not None:
            return await self._run(partial(get_token_after_rejection, rejected=rejected, min_life=min_life))
        if min_life <= 0 and (token := self.bound_store.peek_fresh(self.config.context.clock())) is not None:
            return token
        return await self._run(partial(get_token, min_life=min_life))

    async def refresh(self, *, force: bool = False, since: float | None = None) -> Token:
        """Refresh now, even a valid token. Trakt: *Exchange refresh_token for access_token*.

        Args:
            force: send it again although an earlier sending is unconfirmed. If that one arrived, this ends every
                device's login.
            since: Unix seconds when the caller began; a token saved after that is shared instead of refreshed again.

        Raises:
            LoginRequired: the user has to sign in again.
            TryLater: Trakt cannot be reached, or another refresh is pending.
            StoreFailed: the store cannot be read or written.
        """
        return await self._run(partial(refresh, resend=force, since=since))

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """Call the API as this account; any status is returned, after at most one refresh on a 401.

        Args:
            method: the HTTP method.
            path: begins with one `/` and stays on the service's API.
            params: the query.
            json: the body.
            headers: more header fields.

        Raises:
            ValueError: the path could lead away from the API, or a header field cannot be sent.
            LoginRequired: the user has to sign in again.
            TryLater: no token is valid, or the API cannot be reached or does not answer in time.
            StoreFailed: the store cannot be read or written.
        """
        check_text("method", method)
        url = self.config.api.url(path)
        attempt = await self._attempt(url)
        while True:
            fields = self.config.headers.merge(attempt.headers, headers)
            response = await self._http_clients.request(method, url, params=params, json=json, headers=fields)
            following = await attempt.retry() if response.status_code == UNAUTHORIZED else None
            if following is None:
                return response
            attempt = following

    async def attempt(self, url: str) -> AsyncAttempt:
        """Return the first sending of an API request with any HTTP client; see `AsyncAttempt`.

        Args:
            url: the whole address, on the service's API.

        Raises:
            ValueError: the address is outside the service's API; nothing was read or sent.
            LoginRequired: the user has to sign in again.
            TryLater: Trakt cannot be reached, and no token is valid.
            StoreFailed: the store cannot be read or written.
        """
        self.config.api.check(url)
        return await self._attempt(url)

    async def _attempt(self, url: str) -> AsyncAttempt:
        began = self.config.context.clock()
        token = self.bound_store.peek_fresh(began) or await self.token()
        return AsyncAttempt(self.config, url, token, began, self._run)

    async def status(self) -> LoginStatus:
        """Return what this login can do, from the store alone: nothing is refreshed and nothing is sent.

        Raises:
            StoreFailed: the store cannot be read.
        """
        try:
            return await self._run(partial(read_status, login=self.config.key, is_running=is_alive))
        except LoginMoved:  # to a store that cannot be opened here
            flow = read_status(self.config.context, self.config.key, is_running=is_alive, may_be_moved=True)
            return await self._driver.run(flow)

    async def accounts(self) -> list[LoginStatus]:
        """Return every login of this app and service in the store, in order; nothing is refreshed and nothing is sent.

        Raises:
            StoreFailed: the store cannot be read.
        """
        return await self._driver.run(read_accounts(self.config.context, is_running=is_alive))

    async def adopt(self, token: Token, *, replace: bool = False) -> Token:
        """Save a token that was obtained elsewhere as this account's login, and return it as it was saved.

        A refresh token has one holder: no other program may refresh with this one any more.

        Args:
            token: a token of this app. Without `expires_at` it is computed from `created_at` and `expires_in`.
            replace: take the place of a login that is still valid; that one is not revoked.

        Raises:
            LoginExists: a login is still valid or can be refreshed.
            TypeError: the token is not a `Token`.
            ValueError: the token has no expiry or no access token.
            StoreFailed: the store cannot keep it.
        """
        return await self._driver.run(adopt(self.config.context, token, replace_login=replace))

    async def logout(self, *, local: bool = False) -> SignedOut:
        """Revoke both tokens at Trakt, then forget them. Trakt: *Revoke an access_token*.

        Args:
            local: only forget.

        Raises:
            LoginRequired, TryLater, AppRejected: as for `Trakt.logout`.
        """
        try:
            return await self._run(partial(log_out, local=local))
        except LoginMoved as moved:
            if not (local and moved.is_finished):
                raise
            return await self._driver.run(forget())

    async def erase(self) -> None:
        """Remove what a sign-out leaves in the store: the account's name, the user's name and the history.

        A digest of the login's key stays, with its generation, so that a token that comes late is not saved.

        Raises:
            LoginExists: the account is still signed in.
            LoginRequired: the account never had a login.
            StoreFailed: the store cannot be written, or cannot erase.
        """
        await self._run(erase)
        if self.bound_store.store is not self.store:  # which has the names and the history before the move
            await in_thread(lambda: call_store(partial(self.store.apply, self.config.key, Erase()), self.store))

    @property
    def auth(self) -> HttpAuth:
        """Return an `httpx2.Auth` for an `AsyncClient` of your own."""
        from traktauth.client.httpx_auth import AsyncTraktAuth  # noqa: PLC0415 - it imports the HTTP library

        return AsyncTraktAuth(self.attempt)

    async def close(self) -> None:
        """Close connections and store."""
        if self._owner:
            if isinstance(self.store, LoopStore):
                self.store.attach()
            await self._http_clients.close()
            await in_thread(self._origin.moved_stores.close)
            await in_thread(lambda: call_store(self.store.close, self.store))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
