"""Trakt: a signed-in account, blocking."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from traktauth.client.connections import Connections
from traktauth.client.drive import Driver
from traktauth.client.keeping import Keeping
from traktauth.client.setup import Setup
from traktauth.errors import LoginRequired, TryLater
from traktauth.flow.lifecycle import refresh, usable_token
from traktauth.stores.addresses import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from traktauth.client.http import HttpAuth, HttpClient, HttpResponse
    from traktauth.client.person import Way
    from traktauth.flow.signout import SignedOut
    from traktauth.flow.steps import Step
    from traktauth.flow.terms import LostReply
    from traktauth.models import App, Token
    from traktauth.protocol import Service
    from traktauth.stores.base import TokenStore

UNAUTHORIZED = 401


class Trakt:
    """One account of one app, signed in once and kept so; safe to use from many threads and processes.

    Args:
        app: the registered app.
        service: `trakt`, `auth.trakt.tv`, `staging`, or a base address that serves everything (a local Trakt).
        store: where the login rests: a store, or its address.
        account: your own name for the account.
        lost_reply: what happens when a refresh was sent and no answer came.
        insecure: take `http://` on a host that is not this machine.
        clock: Unix seconds.
        http: a client of your own to send everything with; it is not closed.

    Raises:
        ValueError: an argument has no such value.
        StoreFailed: the platform names no folder for the default store.
    """

    def __init__(
        self,
        app: App,
        *,
        service: str | Service = "trakt",
        store: str | TokenStore = "file:",
        account: str = "default",
        lost_reply: LostReply = "last-attempt",
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        http: HttpClient | None = None,
    ) -> None:
        setup = Setup(
            app,
            service=service,
            account=account,
            lost_reply=lost_reply,
            insecure=insecure,
            clock=clock,
        )
        self._use(setup, open_store(store), Connections(http), owner=True)

    def _use(self, setup: Setup, store: TokenStore, connections: Connections, *, owner: bool) -> None:
        self.setup = setup
        self.store = store
        self.keeping = Keeping(store, setup.key, setup.terms.clock)
        self._connections = connections
        self._owner = owner
        self._driver = Driver(self.keeping, connections.send, unfinished=connections.unfinished)

    @classmethod
    def from_env(cls, **given: Any) -> Self:  # noqa: ANN401 - as `read_settings` and the class take them
        """Make one from `TRAKTAUTH_*` and the configuration file; arguments win over both.

        Raises:
            AppInvalid: no app, or one that cannot be right.
            ValueError: a setting has no such value.
        """
        from traktauth.client.settings import read_settings, take_objects  # noqa: PLC0415 - only here

        objects = take_objects(given)
        settings = read_settings(**given)
        return cls(settings.app(), **(settings.place() | objects))

    @property
    def account(self) -> str:
        """Return the user's own name for the account."""
        return self.setup.account

    def for_account(self, account: str) -> Self:
        """Return another account that shares store and connections; closing this object closes them for both."""
        other = object.__new__(type(self))
        other._use(self.setup.another(account), self.store, self._connections, owner=False)
        return other

    def login(
        self,
        way: Way | None = None,
        *,
        prompt: Callable[[Step], str | None] | None = None,
        signup: bool | None = None,
        open_browser: bool = True,
    ) -> Token:
        """Sign in, and save the token before it is returned.

        Args:
            way: `browser`, `device` or `paste`; by default a browser where this machine has one and the app's
                redirect address leads back here, else a device code.
            prompt: shows a step (`traktauth.steps`); for `PasteCode` it returns what was pasted. Default: stderr.
            signup: prefer Trakt's sign-up page.
            open_browser: open the page, beside showing its address.

        Raises:
            LoginRefused: denied, expired, or answered by another server.
            AppRejected: Trakt refused the app's id, secret or redirect address.
            TryLater: Trakt cannot be reached.
            StoreFailed: the store cannot keep the token; this shows before anybody signs in.
        """
        from traktauth.client.signing import person_and_flow  # noqa: PLC0415 - only a sign-in needs it

        person, flow = person_and_flow(self.setup, way, prompt=prompt, signup=signup, open_browser=open_browser)
        connections = self._connections
        driver = Driver(self.keeping, connections.send, person=person, unfinished=connections.unfinished)
        return driver.run(flow)

    def token(self, *, min_life: float = 0.0) -> Token:
        """Return a usable token, renewed if need be.

        Args:
            min_life: seconds that it must live on.

        Raises:
            LoginRequired: the user has to sign in again.
            TryLater: Trakt cannot be reached and no token lives.
            StoreFailed: the store cannot be read, or not written while no token lives.
            ValueError: no token of this service lives as long as `min_life`.
        """
        return self._driver.run(usable_token(self.setup.terms, min_life=min_life))

    def refresh(self, *, force: bool = False, since: float | None = None) -> Token:
        """Renew now, though the token is fresh. Trakt: *Exchange refresh_token for access_token*.

        Args:
            force: send it again although an earlier sending is unconfirmed. If that one arrived, this ends every
                device's login.
            since: Unix seconds when the caller began; a pair saved after that is shared instead of renewed again.

        Raises:
            LoginRequired: the user has to sign in again.
            TryLater: Trakt cannot be reached, or an earlier sending is unconfirmed.
            StoreFailed: the store cannot be read or written.
        """
        return self._driver.run(refresh(self.setup.terms, resend=force, since=since))

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,  # noqa: ANN401 - whatever JSON takes
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """Call the API as this account; whatever status came is returned, after at most one renewal on a 401.

        Args:
            method: the HTTP method.
            path: begins with one `/` and stays on the service's API.
            params: the query.
            json: the body.
            headers: more header fields.

        Raises:
            ValueError: the path could lead away from the API.
            LoginRequired, TryLater, StoreFailed: as for `token`.
        """
        url = self.setup.api_url(path)
        began = self.setup.terms.clock()
        token = self.token()
        response = self._connections.request(
            method, url, params=params, json=json, headers=self.setup.headers_for(token, headers)
        )
        if response.status_code != UNAUTHORIZED:
            return response
        renewed = self._renewed_after_refusal(token, began)
        if renewed is None:
            return response
        response = self._connections.request(
            method, url, params=params, json=json, headers=self.setup.headers_for(renewed, headers)
        )
        if response.status_code == UNAUTHORIZED:
            self.setup.arrived_dead(renewed)
        return response

    def _renewed_after_refusal(self, token: Token, began: float) -> Token | None:
        """Return another token than one that an API has just answered 401 to; None where none can be had."""
        if not self.setup.worth_renewing(token, began):
            return None
        try:
            return self._driver.run(usable_token(self.setup.terms, refused=token.access_token))
        except (LoginRequired, TryLater):
            return None

    def logout(self, *, local: bool = False) -> SignedOut:
        """Revoke both tokens at Trakt, then forget them. Trakt: *Revoke an access_token*.

        Args:
            local: only forget.

        Raises:
            LoginRequired: nobody is signed in.
            TryLater: Trakt cannot be reached; nothing was forgotten.
            AppRejected: Trakt refused the app; nothing was forgotten.
        """
        from traktauth.flow.signout import sign_out  # noqa: PLC0415 - only a sign-out needs it

        return self._driver.run(sign_out(self.setup.terms, local=local))

    @property
    def auth(self) -> HttpAuth:
        """Return an `httpx2.Auth` over the same life cycle, for a client of your own."""
        from traktauth.client.auth import TraktAuth  # noqa: PLC0415 - it imports the HTTP library

        return TraktAuth(self.setup, self.token, self._renewed_after_refusal)

    def close(self) -> None:
        """Close connections and store, once no renewal is under way."""
        if self._owner:
            self._connections.close()
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return self.setup.name()
