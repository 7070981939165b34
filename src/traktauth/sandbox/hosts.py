"""The hosts that a sandbox answers for."""

from __future__ import annotations

HOSTS = ("trakt.tv", "www.trakt.tv", "api.trakt.tv", "auth.trakt.tv", "app.trakt.tv")
DOMAIN = "trakt.tv"


def is_trakt(host: str) -> bool:
    """Return whether a host, in lower case, is one of Trakt's, also if the sandbox does not have it."""
    return host == DOMAIN or host.endswith(f".{DOMAIN}")
