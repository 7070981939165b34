"""What `Trakt` and `AsyncTrakt` share: their parameters, and whose login they are."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, NoReturn, Self, TypeVar

from traktauth.client.account_config import AccountConfig
from traktauth.client.driver.bound_store import BoundStore
from traktauth.client.settings import read_settings
from traktauth.flow.context import LostReply
from traktauth.models import App
from traktauth.protocol import Service
from traktauth.stores.base import TokenStore

StoreT = TypeVar("StoreT")
HttpT = TypeVar("HttpT")


class BaseClient(Generic[StoreT, HttpT]):
    """One account of one app at one service."""

    config: AccountConfig
    store: TokenStore
    bound_store: BoundStore
    _origin: BoundStore
    _http_clients: Any
    _driver: Any
    _owner: bool

    def __init__(
        self,
        app: App,
        *,
        service: str | Service = "trakt",
        store: str | StoreT = "file:",
        account: str = "default",
        lost_reply: LostReply = "last-attempt",
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        http: HttpT | None = None,
    ) -> None:
        """Make a client; nothing is read or sent yet.

        Args:
            app: the registered app.
            service: `trakt`, `auth.trakt.tv`, `staging`, or a base address that serves everything (a local Trakt).
            store: where the login is stored: a store, or its address.
            account: your own name for the account.
            lost_reply: what happens when a refresh was sent and no response came.
            insecure: allow `http://` on a host that is not this machine.
            clock: Unix seconds. A clock with a method `advance(seconds)`, such as a local Trakt's, is moved instead of
                waiting between polls of a device code.
            http: an `httpx2` or `httpx` client of your own to send everything with; it is not closed.

        Raises:
            ValueError: an argument has no such value.
            TypeError: `http` is of another kind.
            StoreFailed: the platform names no folder for the default store.
        """
        config = AccountConfig(
            app, service=service, account=account, lost_reply=lost_reply, insecure=insecure, clock=clock
        )
        clients = self._new_http_clients(http, url=config.service.token, product=app.user_agent)
        origin = BoundStore(self._open_store(store), config.key, config.context.clock)
        self._use(config, origin, clients, owner=True)

    @abstractmethod
    def _new_http_clients(self, http: HttpT | None, *, url: str, product: str | None) -> Any:  # noqa: ANN401 - blocking or async ones
        """Return what sends the requests."""

    @abstractmethod
    def _open_store(self, store: str | StoreT) -> TokenStore:
        """Return the store."""

    @abstractmethod
    def _new_driver(self) -> Any:  # noqa: ANN401 - a blocking or an async one
        """Return what runs the flows on `bound_store`."""

    def _use(self, config: AccountConfig, origin: BoundStore, http_clients: object, *, owner: bool) -> None:
        self.config = config
        self.store = origin.store
        self._origin = origin
        self._http_clients = http_clients
        self._owner = owner
        self._bind(origin.with_account(config.account))

    def _bind(self, bound_store: BoundStore) -> None:
        """Use the login in this store: the client's own, or the one that it was moved to."""
        self.config.use_lock_of(bound_store.store)
        self.bound_store = bound_store
        self._driver = self._new_driver()

    @classmethod
    def from_env(
        cls,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        redirect_uri: str | None = None,
        service: str | Service | None = None,
        store: str | StoreT | None = None,
        account: str | None = None,
        lost_reply: LostReply | None = None,
        insecure: bool | None = None,
        user_agent: str | None = None,
        clock: Callable[[], float] | None = None,
        http: HttpT | None = None,
    ) -> Self:
        """Make one from `TRAKTAUTH_*` and the configuration file; an argument that is not None wins over both.

        Args:
            client_id: the app's id.
            client_secret: the app's secret.
            redirect_uri: the redirect address registered for the app.
            service: `trakt`, `auth.trakt.tv`, `staging`, or a base address that serves everything.
            store: where the login is stored: a store, or its address.
            account: your own name for the account.
            lost_reply: what happens when a refresh was sent and no response came.
            insecure: allow `http://` on a host that is not this machine.
            user_agent: your program's product, such as `my-app/1.0`.
            clock: Unix seconds; by default this machine's clock, or that of `TRAKTAUTH_CLOCK_URL` in a test.
            http: an `httpx2` or `httpx` client of your own to send everything with; it is not closed.

        Raises:
            AppInvalid: no app, or one that cannot be right.
            ValueError: a setting has no such value.
            StoreFailed: the platform names no folder for the default store.
        """
        settings = read_settings(
            client_id=client_id,
            client_secret=client_secret,
            redirect_uri=redirect_uri,
            service=service if isinstance(service, str) else None,
            store=store if isinstance(store, str) else None,
            account=account,
            lost_reply=lost_reply,
            insecure=insecure,
        )
        return cls(
            settings.app(user_agent=user_agent),
            service=service or settings.service,
            store=store or settings.store,
            account=settings.account,
            lost_reply=settings.lost_reply,
            insecure=settings.insecure,
            clock=clock or settings.clock(None if isinstance(service, str) else service),
            http=http,
        )

    @property
    def account(self) -> str:
        """Return the user's own name for the account."""
        return self.config.account

    @property
    def api_url(self) -> str:
        """Return the base address of the service's API, such as `https://api.trakt.tv`."""
        return self.config.service.api

    def for_account(self, account: str) -> Self:
        """Return another account that shares store and connections; closing this object closes them for both."""
        other = object.__new__(type(self))
        other._use(self.config.with_account(account), self._origin, self._http_clients, owner=False)
        return other

    def __repr__(self) -> str:
        config = self.config
        app, service = f"{config.app.client_id[:8]}…", config.service.name
        return f"{type(self).__name__}({app}, service={service!r}, account={config.account!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: connections, locks and tasks belong to this process."""
        name = type(self).__name__
        raise TypeError(
            f"{name} cannot be pickled or copied, as it holds connections and locks: make one in each process, with "
            f"{name}.from_env() or {name}(app, store=…), and use for_account() for another account"
        )
