"""The `User-Agent` of every request."""

from __future__ import annotations

from traktauth._version import __version__

USER_AGENT = f"traktauth/{__version__}"


def user_agent(product: str | None = None) -> str:
    """Return the `User-Agent` (RFC 9110 section 10.1.5): the program's product, if it has named one, and ours."""
    return USER_AGENT if product is None else f"{product} {USER_AGENT}"
