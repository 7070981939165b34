"""A local Trakt for a test: started in milliseconds, asked to fail, moved through time, gone without a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from traktauth.client.blocking import Trakt
from traktauth.errors import TraktAuthError
from traktauth.models import App, Token
from traktauth.protocol import OUT_OF_BAND

try:
    from traktauth.server.embedded import Embedded
    from traktauth.server.settings import Settings
except ModuleNotFoundError as error:
    if (error.name or "").startswith("traktauth"):
        raise
    raise TraktAuthError(
        "The local Trakt's own packages are not installed", hint="Install them: pip install 'traktauth[server]'"
    ) from None

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from traktauth.client.aio import AsyncTrakt


class LocalTrakt(Embedded):
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
        more: what else `traktauth serve` takes (`access_life=`, `rotation=`, `seed=`, …). Unless they say otherwise,
            the port is a free one, the database is memory and control is on.

    Raises:
        ValueError: a setting makes no sense.
    """

    def __init__(self, *, profile: str = "current", **more: Any) -> None:  # noqa: ANN401 - as `Settings` takes them
        given: dict[str, Any] = {"port": 0, "database": "memory:", "control": True, **more}
        super().__init__(Settings(profile=profile, **given))

    @property
    def app(self) -> App:
        """Return the first app, as a client knows it; out of band where it has no address.

        Raises:
            RuntimeError: the server has not been started.
            ValueError: its seed has no app.
        """
        said = self._announced
        addresses: list[str] = said["redirect_uris"] or [OUT_OF_BAND]
        secret: str | None = said["client_secret"]
        return App(said["client_id"], client_secret=secret, redirect_uri=addresses[0])

    @overload
    def sign_in_at(self, trakt: Trakt, username: str = "sean") -> Token: ...

    @overload
    def sign_in_at(self, trakt: AsyncTrakt, username: str = "sean") -> Awaitable[Token]: ...

    def sign_in_at(self, trakt: Trakt | AsyncTrakt, username: str = "sean") -> Token | Awaitable[Token]:
        """Sign a user in without a browser, in a client's store; return the token, reckoned by the server's clock.

        For an `AsyncTrakt` it is to be awaited.

        Raises:
            RuntimeError: somebody else has signed in at the same moment.
        """
        if not isinstance(trakt, Trakt):
            return self._sign_in_at(trakt, username)
        key = trakt.setup.key
        token = self._next(trakt.setup.app, username, after=trakt.store.load(key).generation)
        return _kept(token, trakt.store.save(key, token, after=token.generation - 1, at=self.clock()))

    async def _sign_in_at(self, trakt: AsyncTrakt, username: str) -> Token:
        key = trakt.setup.key
        token = self._next(trakt.setup.app, username, after=(await trakt.store.load(key)).generation)
        return _kept(token, await trakt.store.save(key, token, after=token.generation - 1, at=self.clock()))

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


def _kept(token: Token, saved: bool) -> Token:  # noqa: FBT001 - what a store says
    if not saved:
        raise RuntimeError("somebody else has signed in at the same moment")
    return token
