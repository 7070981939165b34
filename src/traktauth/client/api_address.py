"""The address and the header fields of API requests; the access token is sent nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from traktauth.models import App, Token
from traktauth.models.app import LOOPBACK_HOSTS, check_text
from traktauth.wire.messages import api_headers, user_agent


class ApiAddress:
    """The address of a service's API.

    Args:
        base: the address, without a slash at its end.

    Attributes:
        prefix: what the address of nearly every API request starts with; the slash ends the host and port.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self.prefix = f"{base}/"

    def url(self, path: str) -> str:
        """Return the address of an API path.

        Raises:
            TypeError: the path is not a `str`.
            ValueError: the path could lead away from the service's API.
        """
        check_text("path", path)
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError("path must begin with exactly one /; the host is the service's own")
        if "\\" in path or " " in path or not (path.isascii() and path.isprintable()):
            raise ValueError("path must be a plain path: percent-encode blanks and other special characters")
        return self._base + path

    def contains(self, url: str) -> bool:
        """Return whether an address lies on the service's API, so that the token may go there."""
        if url.startswith(self.prefix):
            return True
        if not url.isprintable() or "\\" in url or " " in url:
            return False  # HTTP clients do not agree on the host of such an address
        try:
            api, asked = urlsplit(self._base), urlsplit(url)
            same = (asked.scheme, asked.hostname, _port(asked)) == (api.scheme, api.hostname, _port(api))
        except ValueError:  # a malformed port or IPv6 address
            return False
        return same and "@" not in asked.netloc and f"{asked.path}/".startswith(f"{api.path}/")

    def check(self, url: str) -> None:
        """Check that an address is on the service's API.

        Raises:
            TypeError: the address is not a `str`.
            ValueError: it is not, so the token must not be sent there.
        """
        check_text("url", url)
        if not self.contains(url):
            raise ValueError(
                f"The access token is for {self._base} only; it is not sent to {urlsplit(url).hostname or url!r}. "
                "Build the address from trakt.api_url, or set the service that the request is for"
            )


@lru_cache(maxsize=256)
def is_on_this_machine(url: str) -> bool:
    """Return whether an address is a loopback address, which no proxy is asked for."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host in LOOPBACK_HOSTS or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _port(address: SplitResult) -> int | None:
    return address.port or {"http": 80, "https": 443}.get(address.scheme)


class RequestHeaders:
    """The header fields of one app's API requests.

    Args:
        app: the app.

    Attributes:
        app_fields: `trakt-api-key` and `trakt-api-version`, which every API request carries.
    """

    def __init__(self, app: App) -> None:
        self.app_fields = api_headers(app.client_id)
        self._common = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "Content-Type": "application/json",
            "User-Agent": user_agent(app.user_agent),
        }

    def authorization(self, token: Token) -> Mapping[str, str]:
        """Return the header fields that authorize an API request, read-only."""
        return MappingProxyType({"Authorization": f"Bearer {token.access_token}", **self.app_fields})

    def merge(self, attempt: Mapping[str, str], more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the header fields of an API request: an attempt's, those of every request, and the caller's."""
        headers = {**self._common, **attempt}
        if not more:
            return headers
        own = {name.lower() for name in more}
        return {name: value for name, value in headers.items() if name.lower() not in own} | dict(more)
