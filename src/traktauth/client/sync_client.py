"""Trakt: a signed-in account, blocking."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from traktauth.client.attempt import UNAUTHORIZED, Attempt
from traktauth.client.base_client import BaseClient
from traktauth.client.driver.sync_driver import Driver
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
from traktauth.stores.base import TokenStore
from traktauth.stores.errors import call_store
from traktauth.stores.open import open_store
from traktauth.stores.processes import is_alive

if TYPE_CHECKING:
    from traktauth.client.driver.sync_driver import Driver
    from traktauth.client.http import HttpAuth, HttpResponse
    from traktauth.client.http_clients import HttpClient, HttpClients
    from traktauth.client.login.ui import LoginUI
    from traktauth.flow.context import FlowContext
    from traktauth.flow.effects import Flow
else:  # `typing.get_type_hints` needs the names; the HTTP library is imported with the first request
    HttpAuth = HttpClient = HttpResponse = Any

T = TypeVar("T")


class Trakt(BaseClient[TokenStore, HttpClient]):
    """One account of one app, signed in once and kept so; safe to use from many threads and processes."""

    _http_clients: HttpClients
    _driver: Driver

    def _new_http_clients(self, http: HttpClient | None, *, url: str, product: str | None) -> HttpClients:
        from traktauth.client.http_clients import HttpClients  # noqa: PLC0415 - when a client is made

        return HttpClients(http, url=url, product=product)

    def _open_store(self, store: str | TokenStore) -> TokenStore:
        return open_store(store)

    def _run(self, flow: Callable[[FlowContext], Flow[T]]) -> T:
        """Run a flow; if the login was moved to another store, run it again there, and go on with that store."""
        while True:
            bound_store, driver = self.bound_store, self._driver
            try:
                return driver.run(flow(self.config.context))
            except LoginRequired as error:
                error.account = self.config.account
                raise
            except LoginMoved as moved:
                self._bind(bound_store.follow(moved))

    def _new_driver(self, ui: LoginUI | None = None, sleep: Callable[[float], None] = time.sleep) -> Driver:
        connections = self._http_clients
        return Driver(
            self.bound_store,
            connections.send,
            ui=ui,
            sleep=sleep,
            unfinished=connections.unfinished,
            prepare=connections.prepare,
        )

    def login(
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
            method: `browser`, `device` or `paste`; by default a browser where this machine has one and the app's
                redirect address leads back here, else a device code.
            prompt: shows a step (`traktauth.steps`); for `PasteCode` it returns what was pasted. Default: stderr.
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
        return self._new_driver(sign_in.ui, sign_in.sleep).run(sign_in.flow)

    def ensure_login(
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
            token = self.token()
            with suppress(TryLater):
                self.request("GET", USER_SETTINGS)  # on a 401 it refreshes the token, or raises LoginRequired
                token = self.token()
        except LoginRequired as error:
            if error.reason == "moved":
                raise
            return self.login(method, prompt=prompt, signup=signup, open_browser=open_browser)
        return token

    def token(self, *, min_life: float = 0.0, rejected: str | None = None) -> Token:
        """Return a usable token, refreshed first if necessary.

        Args:
            min_life: seconds for which it must stay valid.
            rejected: an access token that the API has answered with 401; another one is returned.

        Raises:
            LoginRequired: the user has to sign in again.
            TryLater: Trakt cannot be reached and no token is valid.
            StoreFailed: the store cannot be read, or not written while no token is valid.
            ValueError: tokens of this service are never valid for `min_life`.
        """
        if rejected is not None:
            return self._run(partial(get_token_after_rejection, rejected=rejected, min_life=min_life))
        if min_life <= 0 and (token := self.bound_store.peek_fresh(self.config.context.clock())) is not None:
            return token
        return self._run(partial(get_token, min_life=min_life))

    def refresh(self, *, force: bool = False, since: float | None = None) -> Token:
        """Refresh now, even a valid token. Trakt: *Exchange refresh_token for access_token*.

        Args:
            force: send it again although an earlier sending is unconfirmed. If that one arrived, this ends every
                device's login.
            since: Unix seconds when the caller began; a token saved after that is shared instead of refreshed again.

        Raises:
            LoginRequired: the user has to sign in again.
            TryLater: Trakt cannot be reached, or an earlier sending is unconfirmed.
            StoreFailed: the store cannot be read or written.
        """
        return self._run(partial(refresh, resend=force, since=since))

    def request(
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
            LoginRequired: the user has to sign in again, also as the API rejects the token and it cannot be refreshed.
            TryLater: no token is valid, or the API cannot be reached or does not answer in time.
            StoreFailed: the store cannot be read or written.
        """
        check_text("method", method)
        url = self.config.api.url(path)
        attempt = self._attempt(url)
        while True:
            fields = self.config.headers.merge(attempt.headers, headers)
            response = self._http_clients.request(method, url, params=params, json=json, headers=fields)
            following = attempt.retry() if response.status_code == UNAUTHORIZED else None
            if following is None:
                return response
            attempt = following

    def attempt(self, url: str) -> Attempt:
        """Return the first sending of an API request with any HTTP client; see `Attempt`.

        Args:
            url: the whole address, on the service's API.

        Raises:
            TypeError: the address is not a `str`.
            ValueError: the address is outside the service's API; nothing was read or sent.
            LoginRequired: the user has to sign in again.
            TryLater: Trakt cannot be reached, and no token is valid.
            StoreFailed: the store cannot be read or written.
        """
        self.config.api.check(url)
        return self._attempt(url)

    def _attempt(self, url: str) -> Attempt:
        began = self.config.context.clock()
        token = self.bound_store.peek_fresh(began) or self.token()
        return Attempt(self.config, url, token, began, self._run)

    def status(self) -> LoginStatus:
        """Return what this login can do, from the store alone: nothing is refreshed and nothing is sent.

        Raises:
            StoreFailed: the store cannot be read.
        """
        try:
            return self._run(partial(read_status, login=self.config.key, is_running=is_alive))
        except LoginMoved:  # to a store that cannot be opened here
            flow = read_status(self.config.context, self.config.key, is_running=is_alive, may_be_moved=True)
            return self._driver.run(flow)

    def accounts(self) -> list[LoginStatus]:
        """Return every login of this app and service in the store, in order; nothing is refreshed and nothing is sent.

        Raises:
            StoreFailed: the store cannot be read.
        """
        return self._driver.run(read_accounts(self.config.context, is_running=is_alive))

    def adopt(self, token: Token, *, replace: bool = False) -> Token:
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
        return self._driver.run(adopt(self.config.context, token, replace_login=replace))

    def logout(self, *, local: bool = False) -> SignedOut:
        """Revoke both tokens at Trakt, then forget them. Trakt: *Revoke an access_token*.

        Args:
            local: only forget.

        Raises:
            LoginRequired: the account has no login.
            TryLater: Trakt cannot be reached; nothing was deleted.
            AppRejected: Trakt refused the app; nothing was deleted.
        """
        try:
            return self._run(partial(log_out, local=local))
        except LoginMoved as moved:
            if not (local and moved.is_finished):
                raise
            return self._driver.run(forget())

    def erase(self) -> None:
        """Remove what a sign-out leaves in the store: the account's name, the user's name and the history.

        A digest of the login's key stays, with its generation, so that a token that comes late is not saved.

        Raises:
            LoginExists: the account is still signed in.
            LoginRequired: the account never had a login.
            StoreFailed: the store cannot be written, or cannot erase.
        """
        self._run(erase)
        if self.bound_store.store is not self.store:  # which has the names and the history before the move
            call_store(partial(self.store.apply, self.config.key, Erase()), self.store)

    @property
    def auth(self) -> HttpAuth:
        """Return an `httpx2.Auth` over the same life cycle, for a client of your own."""
        from traktauth.client.httpx_auth import TraktAuth  # noqa: PLC0415 - it imports the HTTP library

        return TraktAuth(self.attempt)

    def close(self) -> None:
        """Wait for refreshes in progress, then close connections and store."""
        if self._owner:
            self._http_clients.close()
            self._origin.moved_stores.close()
            call_store(self.store.close, self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
