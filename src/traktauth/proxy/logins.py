"""The logins of programs: found by what a program sends, and served by `Trakt`."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from traktauth.client.attempt import Attempt
from traktauth.client.driver.sync_driver import Driver
from traktauth.client.http_clients import HttpClients
from traktauth.client.settings import Settings
from traktauth.client.sync_client import Trakt
from traktauth.errors import AppRejected, LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Flow
from traktauth.flow.proxied_login import choose_free_account, identify, keep_grant
from traktauth.flow.save_login import is_login_usable
from traktauth.models import App, LoginKey, Record, Token, app_entry
from traktauth.models.changes import AddPlaceholder, Change, DropPlaceholder
from traktauth.models.store_address import EXPORT
from traktauth.models.token_digests import MOST_PLACEHOLDERS, digest
from traktauth.stores.base import TokenStore
from traktauth.stores.errors import call_store
from traktauth.timeouts import LOCK_TIMEOUT
from traktauth.wire.messages import Request, Response

T = TypeVar("T")
PLACEHOLDER = "tap_"
UNKNOWN_SECONDS = 10.0
"""For which an access token that no login has is not looked for again."""
MOST_REMEMBERED = 1000
Kind = Literal["placeholders", "refresh_tokens", "access_tokens"]
REFRESH_KINDS: tuple[Kind, ...] = ("placeholders", "refresh_tokens")


@dataclass(frozen=True, slots=True)
class Granted:
    """What a program is given.

    Attributes:
        token: with the real refresh token, which is not given.
        placeholder: in its place; None if Trakt gave no refresh token.
        left: seconds for which the access token is still valid.
        now: Unix seconds.
    """

    token: Token
    placeholder: str | None
    left: float
    now: float


class Logins:
    """The logins in one store at one service; every method but `peek` blocks, and may be called from any thread.

    Args:
        store: the store; `close` closes it.
        settings: service, account, and how a login is kept.
        tell: is called with what the user should know of.
    """

    def __init__(self, store: TokenStore, settings: Settings, *, tell: Callable[[str], None]) -> None:
        self.store = store
        self.service = settings.find_service()
        self.account = settings.account
        self._settings = settings
        self._clock = settings.clock()
        self._tell = tell
        self._http = HttpClients(url=self.service.token)
        self._lock = threading.Lock()
        self._clients: dict[tuple[App, str], Trakt] = {}
        self._owners: dict[str, LoginKey] = {}  # by digest, as it was found
        self._unknown: dict[str, float] = {}  # until when, by digest

    def trakt(self, account: str, app: App) -> Trakt:
        """Return the client of a login; it is kept, as it knows when a refresh has just failed."""
        with self._lock:
            if (app, account) not in self._clients:
                place: dict[str, Any] = self._settings.trakt_arguments()
                place |= {"store": self.store, "account": account}
                self._clients[app, account] = Trakt(app, **place)
            return self._clients[app, account]

    def _run(self, trakt: Trakt, flow: Callable[[FlowContext], Flow[T]]) -> T:
        http = self._http
        driver = Driver(trakt.bound_store, http.send, unfinished=http.unfinished, prepare=http.prepare)
        return driver.run(flow(trakt.config.context))

    def close(self) -> None:
        """Wait for refreshes in progress, then close connections and store."""
        for client in self._clients.values():
            client.close()
        self._http.close()
        with suppress(StoreFailed):
            call_store(self.store.close, self.store)

    # ------------------------------------------------------------ what a program sends
    def refresh(self, app: App, sent: str) -> Granted:
        """Return a token for a placeholder, or for a refresh token that a program had before.

        Raises:
            LoginRequired: the placeholder is unknown, or the login has ended.
            AppRejected: the app is another one than the login's, or Trakt refused it.
            TryLater, StoreFailed: it is impossible now.
        """
        mark = digest(sent)
        if sent.startswith(PLACEHOLDER):
            found = self._find(app.client_id, mark, REFRESH_KINDS)
            if found is None:
                raise LoginRequired("No login has this placeholder")
        else:
            with self._locked(app):
                found = self._find(app.client_id, mark, REFRESH_KINDS)
                if found is None or _was_exported(found[1], mark):
                    found = self._adopt(app, sent, None if found is None else found[0].account)
        key, record = found
        self._check_app(app, record)
        trakt = self.trakt(key.account, app)
        token = _fresh_token(trakt)
        if not sent.startswith(PLACEHOLDER):
            return self._hand_out(trakt, token)
        placeholders = record.digests.placeholders
        if mark in placeholders[: -MOST_PLACEHOLDERS // 2] or record.app is None:  # before it becomes the oldest
            self._apply(trakt, AddPlaceholder(mark, app))
        return self._granted(token, sent)

    def grant(self, app: App, request: Request) -> tuple[Response, Granted | None]:
        """Send a program's request for a first token, and save what it is granted.

        Raises:
            StoreFailed: nothing was sent; or the token is held in memory, and saved later.
            TryLater: Trakt cannot be reached.
            UnexpectedReply: the token in the response cannot be read.
        """
        trakt = self.trakt(self.account, app)
        response, account = self._run(trakt, partial(keep_grant, request=request, account=self.account))
        if account is None:
            return response, None
        self._tell(f"The program has signed in; the login is kept as account {account}")
        trakt = self.trakt(account, app)
        return response, self._hand_out(trakt, trakt.token())

    def revoke(self, app: App, sent: str, *, for_all: bool) -> bool:
        """Forget a placeholder; return False if what was sent is of no login.

        Args:
            app: the program's.
            sent: a placeholder or a token.
            for_all: sign the account out.

        Raises:
            AppRejected: the app is another one than the login's.
            TryLater, StoreFailed: it is impossible now.
        """
        mark = digest(sent)
        found = self._find(app.client_id, mark, (*REFRESH_KINDS, "access_tokens"))
        if found is None:
            return sent.startswith(PLACEHOLDER)
        key, record = found
        self._check_app(app, record)
        trakt = self.trakt(key.account, app)
        if for_all:
            with suppress(LoginRequired):
                trakt.logout()
            self._tell(f"The program has signed out account {key.account} (--revoke)")
        else:
            self._apply(trakt, DropPlaceholder(mark))
            self._tell(
                f"The program signed out; account {key.account} stays signed in, as other programs may use it (end it: "
                f"traktauth logout --account {key.account}, or --revoke)"
            )
        return True

    def shared(self, client_id: str) -> App | None:
        """Return the app of the account's login if it can be used; None without one, or if its secret is not known."""
        record = self._load(LoginKey(self.service.realm, client_id, self.account))
        return self._app_of(client_id, record) if is_login_usable(record, self._clock()) else None

    def share(self, app: App) -> Granted:
        """Return the token of the account's login, with a placeholder of its own.

        Raises:
            LoginRequired, TryLater, StoreFailed: as for `refresh`.
        """
        trakt = self.trakt(self.account, app)
        return self._hand_out(trakt, _fresh_token(trakt))

    def peek(self, client_id: str, access_token: str, url: str) -> Attempt | None:
        """Return the attempt of an API request if that takes microseconds; None: ask `attempt`."""
        mark = digest(access_token)
        key = self._owners.get(mark)
        if key is None or key.client_id != client_id:
            return None
        record = self.store.peek(key)
        if record is None or not _has(record, mark, ("access_tokens",)):
            return None
        trakt = self.trakt(key.account, self._app_of(client_id, record) or App(client_id))
        return None if trakt.bound_store.peek_fresh(self._clock()) is None else trakt.attempt(url)

    def attempt(self, client_id: str, access_token: str, url: str) -> Attempt | None:
        """Return the attempt of an API request with the current token; None if no login has this one.

        Raises:
            LoginRequired: the login has ended.
            TryLater, StoreFailed: it is impossible now.
        """
        mark = digest(access_token)
        if self._unknown.get(mark, 0.0) > time.monotonic():
            return None
        found = self._find(client_id, mark, ("access_tokens",))
        if found is None:
            if len(self._unknown) >= MOST_REMEMBERED:
                self._unknown.clear()
            self._unknown[mark] = time.monotonic() + UNKNOWN_SECONDS
            return None
        key, record = found
        if record.token is None:
            return None
        return self.trakt(key.account, self._app_of(client_id, record) or App(client_id)).attempt(url)

    # ------------------------------------------------------------ finding
    def _find(self, client_id: str, mark: str, kinds: tuple[Kind, ...]) -> tuple[LoginKey, Record] | None:
        """Return the login that something was of, and its record; it is of that login's present user."""
        keys = [key for key in self.store.list_logins() if self._is_of(key, client_id)]
        known = self._owners.get(mark)
        for key in sorted(keys, key=lambda each: each != known):
            try:
                record = self._load(key)
            except StoreFailed as error:
                if not error.of_one:
                    raise
                continue
            if not _has(record, mark, kinds, confirmed=False):
                continue
            if record.has_foreign_digests:
                record = self._identify(key, record)
            if _has(record, mark, kinds):
                self._remember(mark, key)
                return key, record
        return None

    def _is_of(self, key: LoginKey, client_id: str) -> bool:
        return (key.realm, key.client_id) == (self.service.realm, client_id)

    def _identify(self, key: LoginKey, record: Record) -> Record:
        trakt = self.trakt(key.account, self._app_of(key.client_id, record) or App(key.client_id))
        self._run(trakt, identify)
        return self._load(key)

    def _load(self, key: LoginKey) -> Record:
        return call_store(partial(self.store.load, key), self.store)

    def _remember(self, mark: str, key: LoginKey) -> None:
        if len(self._owners) >= MOST_REMEMBERED:
            self._owners.clear()
        self._owners[mark] = key

    def _app_of(self, client_id: str, record: Record) -> App | None:
        """Return the app of a login: as a program has named it, else that of the settings."""
        if record.app is None and self._settings.client_id == client_id:
            return self._settings.app()
        return record.app

    def _check_app(self, app: App, record: Record) -> None:
        known = self._app_of(app.client_id, record)
        expected, sent = (known or app).client_secret or "", app.client_secret or ""
        if not hmac.compare_digest(expected.encode(), sent.encode()):
            raise AppRejected("The client secret is not the one of this login's app")

    # ------------------------------------------------------------ adoption
    @contextmanager
    def _locked(self, app: App) -> Generator[None]:
        """Hold the lock of an app: of two programs that bring one token, one adopts it."""
        entry = app_entry(LoginKey(self.service.realm, app.client_id, ""))
        lock = call_store(partial(self.store.lock, entry, LOCK_TIMEOUT), self.store)
        with lock as held:
            if not held:
                raise TryLater("Another program is taking a login over", retry_after=1.0)
            yield

    def _adopt(self, app: App, sent: str, account: str | None) -> tuple[LoginKey, Record]:
        """Store a refresh token of a program as a login whose access token has expired."""
        if account is None:
            record = self._load(LoginKey(self.service.realm, app.client_id, self.account))
            account = choose_free_account(record, self.account, sent, now=self._clock())
        expired = Token(f"none-{digest(sent)}", sent, expires_in=1, expires_at=max(1.0, self._clock() - 1.0))
        self.trakt(account, app).adopt(expired)
        self._tell(f"The program's own login was taken over, as account {account}")
        key = LoginKey(self.service.realm, app.client_id, account)
        return key, self._load(key)

    def _hand_out(self, trakt: Trakt, token: Token) -> Granted:
        """Return a token with a new placeholder, which the store keeps the digest of."""
        key, app = trakt.config.key, trakt.config.app
        if self._load(key).user is None:
            with suppress(TraktAuthError):  # the placeholder is the login's all the same
                self._run(trakt, identify)
        self._remember(digest(token.access_token), key)
        if token.refresh_token is None:
            return self._granted(token, None)
        placeholder = PLACEHOLDER + secrets.token_urlsafe(32)
        if not self._apply(trakt, AddPlaceholder(digest(placeholder), app)):
            raise TryLater("It is not known yet whose login this is", retry_after=10.0)
        return self._granted(token, placeholder)

    def _apply(self, trakt: Trakt, change: Change) -> bool:
        store = trakt.bound_store.store
        return call_store(partial(store.apply, trakt.config.key, change), store)

    def _granted(self, token: Token, placeholder: str | None) -> Granted:
        now = self._clock()
        return Granted(token, placeholder, token.expires_at - now, now)


def _has(record: Record, mark: str, kinds: tuple[Kind, ...], *, confirmed: bool = True) -> bool:
    """Return whether a record knows a digest; `confirmed`: and it is of the present user."""
    if confirmed and record.has_foreign_digests:
        return False
    return any(mark in getattr(record.digests, kind) for kind in kinds)


def _was_exported(record: Record, mark: str) -> bool:
    """Return whether a refresh token is the one that was given to another program, which now brings it back."""
    return (record.moved_to or "").startswith(EXPORT) and record.digests.refresh_tokens[-1:] == (mark,)


def _fresh_token(trakt: Trakt) -> Token:
    """Return a token with at least half of its life; if it cannot be refreshed now, one that is valid."""
    token = trakt.token()
    try:
        return trakt.token(min_life=token.expires_in / 2)
    except TryLater:
        return trakt.token()
