"""The header fields of an API request."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from traktauth.models import App, Token
from traktauth.wire.headers import api_headers, user_agent


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
