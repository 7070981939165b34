"""What `Trakt` and `AsyncTrakt` have in common: whose login it is, how an API request looks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, get_args

from traktauth.flow.terms import LostReply, Terms
from traktauth.models import App, Login, find_service
from traktauth.protocol import API_VERSION
from traktauth.stores.leases import steady_clock
from traktauth.wire.messages import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

    from traktauth.models import Token
    from traktauth.protocol import Service


def new_secret() -> str:
    """Return 256 random bits, URL-safe: a state, or a PKCE verifier of 43 characters."""
    import secrets  # noqa: PLC0415 - only a sign-in needs it

    return secrets.token_urlsafe(32)


class Setup:
    """One account of one app at one service.

    Attributes:
        app: the app.
        service: the service.
        account: the user's own name for the account.
        key: the login's key in the store.
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
        if not account or any(character < " " or character == "\x7f" for character in account):
            raise ValueError("account must be a name without control characters")
        self.app = app
        self.service = find_service(service, insecure=insecure) if isinstance(service, str) else service
        self.account = account
        self.key = Login(self.service.realm, app.client_id, account)
        self.terms = Terms(self.app, self.service, clock, monotonic, new_secret, lost_reply)
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "trakt-api-version": API_VERSION,
            "trakt-api-key": app.client_id,
        }
        self._unwelcome: int | None = None

    def another(self, account: str) -> Setup:
        """Return another account of the same app and service."""
        return Setup(
            self.app,
            service=self.service,
            account=account,
            lost_reply=self.terms.lost_reply,
            clock=self.terms.clock,
            monotonic=self.terms.monotonic,
        )

    def name(self) -> str:
        """Return how a `Trakt` of this setup is written down, without a secret."""
        return f"Trakt({self.app.client_id[:8]}…, service={self.service.name!r}, account={self.account!r})"

    def api_url(self, path: str) -> str:
        """Return the address of an API path.

        Raises:
            ValueError: the path could lead away from the service's API.
        """
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError("path must begin with exactly one /; the host is the service's own")
        if "\\" in path or " " in path or not (path.isascii() and path.isprintable()):
            raise ValueError("path must be a plain path: percent-encode blanks and other special characters")
        return self.service.api + path

    def serves(self, url: str) -> bool:
        """Tell whether an address lies on the service's API, so that the token may go there."""
        from urllib.parse import urlsplit  # noqa: PLC0415 - costs milliseconds, and most programs ask for no auth

        api, asked = urlsplit(self.service.api), urlsplit(url)
        same = (asked.scheme, asked.hostname, _port(asked)) == (api.scheme, api.hostname, _port(api))
        return same and f"{asked.path}/".startswith(f"{api.path}/")

    def headers_for(self, token: Token, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the header fields of an API request: the three that Trakt asks for, and the caller's."""
        headers = {**self._headers, "Authorization": f"Bearer {token.access_token}"}
        if not more:
            return headers
        own = {name.lower() for name in more}
        return {name: value for name, value in headers.items() if name.lower() not in own} | dict(more)

    def arrived_dead(self, token: Token) -> None:
        """Remember that an API refused a token straight after its renewal: another renewal would not help."""
        self._unwelcome = token.generation

    def worth_renewing(self, token: Token, began: float) -> bool:
        """Tell whether a renewal may help a token that an API has just refused to a call that began at a time."""
        if token.expires_at - token.expires_in > began:
            self.arrived_dead(token)  # this call has got it, from a renewal
        return token.generation != self._unwelcome


def _port(address: SplitResult) -> int | None:
    return address.port or {"http": 80, "https": 443}.get(address.scheme)
