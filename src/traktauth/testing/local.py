"""A local Trakt for a test: started in milliseconds, asked to fail, moved through time, gone without a trace."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload
from urllib.parse import urlsplit

from traktauth.client.async_client import AsyncTrakt
from traktauth.client.driver.loop_store import LoopStore
from traktauth.client.driver.threads import in_thread
from traktauth.client.sync_client import Trakt
from traktauth.errors import TraktAuthError
from traktauth.models import App, Token, User
from traktauth.models.app import LOOPBACK_HOSTS
from traktauth.models.changes import SaveToken, SetUser

try:
    from traktauth.server.http.api import uuid_of
    from traktauth.server.process.embedded import EmbeddedServer
    from traktauth.server.settings import Settings
except ModuleNotFoundError as error:
    if (error.name or "").startswith("traktauth"):
        raise
    raise TraktAuthError(
        "The packages of the local Trakt are not installed", hint="Install them: pip install 'traktauth[server]'"
    ) from None


class LocalTrakt(EmbeddedServer):
    """A local Trakt in this process, from `with` to its end.

    ```python
    with LocalTrakt(profile="current") as server:
        with Trakt(server.app, service=server.url, store="memory:", clock=server.clock) as trakt:
            server.sign_in_at(trakt, "sean")  # without a browser
            server.advance(days=8)
            assert trakt.request("GET", "/users/settings").status_code == 200
            assert server.ledger["rotations"] == 1
            server.fail_next("/oauth/token", drop="after")  # the next answer is lost
    ```

    Args:
        profile: `current` or `classic`.
        host: the address to listen on.
        port: the port; 0 picks a free one.
        database: `memory:` or `sqlite:/PATH`.
        seed: apps and users, as a file's path or as what such a file holds; None: a demo app and a demo user.
        control: whether the control API is served.
        control_key: what a control call must carry if the server is not on loopback.
        access_life: seconds for which an access token is valid; None: the profile's.
        refresh_life: seconds for which a refresh token is valid; None: the profile's.
        code_life: seconds for which a code is valid; None: the profile's.
        rotation: what becomes of a used refresh token: `family`, `once`, `until-used`, `grace:SECONDS`; None: the
            profile's.
        rate_limits: `off` or `trakt`.
        insecure: whether a *host* that is not loopback may be listened on.
        plain_http: whether clients may reach a server that is not on loopback without TLS.
        trust_proxy: whether a client's address is the last one in the X-Forwarded-For of a loopback peer.
        public_url: the origin that browsers see if a proxy stands in front.
        faults: faults to begin with, as a file's path or as the list itself.
        responses: JSON values that the API returns behind the token check, by method and path:
            `{"GET /sync/history": […]}`, or the path of a JSON file with them. A list is returned in pages, as
            Trakt does.
        access_log: a file that each request gets a line of JSON in, `-` for standard output; None: no log.

    Raises:
        ValueError: a setting makes no sense; raised when the object is made.
    """

    def __init__(
        self,
        *,
        profile: Literal["current", "classic"] = "current",
        host: str = "127.0.0.1",
        port: int = 0,
        database: str = "memory:",
        seed: str | Path | Mapping[str, Any] | None = None,
        control: bool = True,
        control_key: str | None = None,
        access_life: int | None = None,
        refresh_life: int | None = None,
        code_life: int | None = None,
        rotation: str | None = None,
        rate_limits: Literal["off", "trakt"] = "off",
        insecure: bool = False,
        plain_http: bool = False,
        trust_proxy: bool = False,
        public_url: str | None = None,
        faults: str | Path | Sequence[Mapping[str, Any]] | None = None,
        responses: str | Path | Mapping[str, Any] | None = None,
        access_log: str | Path | None = None,
    ) -> None:
        super().__init__(
            Settings(
                profile=profile,
                host=host,
                port=port,
                database=database,
                seed=seed,
                control=control,
                control_key=control_key,
                access_life=access_life,
                refresh_life=refresh_life,
                code_life=code_life,
                rotation=rotation,
                rate_limits=rate_limits,
                insecure=insecure,
                plain_http=plain_http,
                trust_proxy=trust_proxy,
                public_url=public_url,
                faults=faults,
                responses=responses,
                access_log=access_log,
            )
        )

    @overload
    def sign_in_at(self, trakt: Trakt, username: str = "sean") -> Token: ...

    @overload
    def sign_in_at(self, trakt: AsyncTrakt, username: str = "sean") -> Awaitable[Token]: ...

    def sign_in_at(self, trakt: Trakt | AsyncTrakt, username: str = "sean") -> Token | Awaitable[Token]:
        """Sign a user in without a browser, in a client's store; return the token, computed by the server's clock.

        The user's name and uuid are saved too, as by a sign-in. For an `AsyncTrakt` it is to be awaited.

        Raises:
            ValueError: the client's service is another one, such as the real Trakt. A loopback address may be that of a
                proxy in front; any other must be one of `origins`.
            RuntimeError: another caller has signed in at the same moment.
        """
        service = trakt.config.service
        for address in (service.token, service.api):
            if urlsplit(address).hostname not in LOOPBACK_HOSTS:
                self._check_origin(address)
        if not isinstance(trakt, Trakt):
            return self._sign_in_async(trakt, username)
        return self._save_login(trakt, username)

    async def _sign_in_async(self, trakt: AsyncTrakt, username: str) -> Token:
        if isinstance(trakt.store, LoopStore):
            trakt.store.attach()
        return await in_thread(lambda: self._save_login(trakt, username))

    def _save_login(self, trakt: Trakt | AsyncTrakt, username: str) -> Token:
        key = trakt.config.key
        token = self._next(trakt.config.app, username, after=trakt.store.load(key).generation)
        save, user = self._changes(token, username)
        _check_saved(saved=trakt.store.apply(key, save))
        trakt.store.apply(key, user)
        return token

    def _changes(self, token: Token, username: str) -> tuple[SaveToken, SetUser]:
        """Return what a sign-in changes: the token first, then the user."""
        save = SaveToken(token, after=token.generation - 1, at=self.clock(), is_sign_in=True)
        return save, SetUser(token.generation, User(username, uuid_of(username)))

    def _next(self, app: App, username: str, *, after: int) -> Token:
        """Return a new token as the one that follows generation *after*."""
        pair = self.sign_in(username, client_id=app.client_id)
        return Token(
            access_token=pair["access_token"],
            refresh_token=pair["refresh_token"],
            expires_in=pair["expires_in"],
            expires_at=self.clock() + pair["expires_in"],
            generation=after + 1,
        )


def _check_saved(*, saved: bool) -> None:
    if not saved:
        raise RuntimeError("another caller has signed in at the same moment")
