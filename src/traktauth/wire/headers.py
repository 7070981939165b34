"""Header fields of requests: the `User-Agent` of every one, and what each request of Trakt's API has."""

from __future__ import annotations

from traktauth._version import __version__
from traktauth.protocol import API_VERSION

USER_AGENT = f"traktauth/{__version__}"


def user_agent(product: str | None = None) -> str:
    """Return the `User-Agent` (RFC 9110 section 10.1.5): the program's product, if it has named one, and ours."""
    return USER_AGENT if product is None else f"{product} {USER_AGENT}"


def api_headers(client_id: str) -> dict[str, str]:
    """Return the fields that name the app and the API's version (Trakt: *Required Headers*)."""
    return {"trakt-api-key": client_id, "trakt-api-version": API_VERSION}
