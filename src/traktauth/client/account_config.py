"""Whose login it is, and at which service."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

from traktauth.client.api_address import ApiAddress, RequestHeaders
from traktauth.display import find_unsafe
from traktauth.flow.context import FlowContext, LostReply
from traktauth.models import App, LoginKey, find_service
from traktauth.models.app import check_text
from traktauth.protocol import Service
from traktauth.stores.base import AsyncTokenStore, TokenStore
from traktauth.stores.database.lease import steady_clock
from traktauth.stores.processes import other_is_alive, this_process

MAX_ACCOUNT = 255  # characters: what every store can use as a key


def check_account(account: str) -> None:
    """Check a name for an account: it is printed, and is a key in every store.

    Raises:
        TypeError: it is not a `str`.
        ValueError: it is empty, too long, or has a character that no terminal shows as it is.
    """
    check_text("account", account, or_none=True)
    if not account:
        raise ValueError("account must not be empty")
    if len(account) > MAX_ACCOUNT:
        raise ValueError(f"account must have at most {MAX_ACCOUNT} characters, not {len(account)}")
    unsafe = find_unsafe(account)
    if unsafe:
        raise ValueError(f"account has a control character or an invisible one ({unsafe}); take another name")


def new_secret() -> str:
    """Return 256 random bits, URL-safe: a state, or a PKCE verifier of 43 characters."""
    return secrets.token_urlsafe(32)


class AccountConfig:
    """One account of one app at one service.

    Attributes:
        app: the app.
        service: the service.
        account: the user's own name for the account.
        key: the login's key in the store.
        headers: the header fields of its API requests.
        api: the address of the API, which its access tokens are for.
    """

    def __init__(
        self,
        app: App,
        *,
        service: str | Service = "trakt",
        account: str = "default",
        lost_reply: LostReply = "last-attempt",
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = steady_clock,
    ) -> None:
        if lost_reply not in get_args(LostReply):
            raise ValueError(f"lost_reply must be one of {', '.join(get_args(LostReply))}")
        if not isinstance(app, App):  # pyright: ignore[reportUnnecessaryIsInstance] - a client id, say
            raise TypeError(
                f'app must be an App, such as App("CLIENT_ID", client_secret="…"), not {type(app).__name__}'
            )
        check_account(account)
        self.app = app
        self.service = service if isinstance(service, Service) else find_service(service, insecure=insecure)
        self.account = account
        self.key = LoginKey(self.service.realm, app.client_id, account)
        self.context = FlowContext(
            self.app, self.service, clock, monotonic, new_secret, lost_reply, this_process, other_is_alive
        )
        self.headers = RequestHeaders(app)
        self.api = ApiAddress(self.service.api)

    def use_lock_of(self, store: TokenStore | AsyncTokenStore) -> None:
        """Note whether the lock of this login's store can expire."""
        self.context = replace(self.context, lock_expires=store.lock_expires)

    def with_account(self, account: str) -> AccountConfig:
        """Return another account of the same app and service."""
        return AccountConfig(
            self.app,
            service=self.service,
            account=account,
            lost_reply=self.context.lost_reply,
            clock=self.context.clock,
            monotonic=self.context.monotonic,
        )
