"""From what a user calls a service to its addresses."""

from __future__ import annotations

import re
from difflib import get_close_matches
from urllib.parse import urlsplit

from traktauth.models.app import LOOPBACK_HOSTS, check_text
from traktauth.protocol import SERVICES, Service

_DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
_UNSAFE = frozenset('"<>\\^`{|}')  # no URI has them (RFC 3986), and shells and browsers read them in ways of their own


def find_service(name: str, *, insecure: bool = False) -> Service:
    """Return the service of this name, or one that a base address serves whole (a local Trakt).

    Args:
        name: `trakt`, `auth.trakt.tv`, `staging`, or a base address such as `http://127.0.0.1:8712`.
        insecure: take `http://` on a host that is not this machine.

    Raises:
        TypeError: the name is not a `str`.
        ValueError: the name is unknown, or the address cannot be used.
    """
    check_text("service", name)
    known = SERVICES.get(name)
    if known is not None:
        return known
    if "://" not in name:
        close = get_close_matches(name, SERVICES, 1, 0.6)
        close = close or ([f"http://{name}"] if name.partition(":")[0] in LOOPBACK_HOSTS else [])
        meant = f"Did you mean {close[0]!r}? " if close else ""
        names = ", ".join(SERVICES)
        raise ValueError(f"No service is named {name!r}. {meant}Use {names}, or a base address such as https://host")
    base = _base(name, insecure=insecure)
    origin = _origin(base)
    return Service(name, realm=origin, website=base, token=base, api=base, issuer=origin)


def _base(address: str, *, insecure: bool) -> str:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise ValueError("The service's base address is not an address") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("The service's base address must begin with https:// or http:// and name a host")
    if "?" in address or "#" in address or "@" in parts.netloc or any(not "!" <= c <= "~" for c in address):
        raise ValueError("The service's base address must be a plain address: no query, fragment, password or blank")
    if re.fullmatch(_AUTHORITY, parts.netloc) is None or _UNSAFE & set(address):
        raise ValueError("The service's base address has characters in it that no address has there")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS and not insecure:
        raise ValueError(
            f"http:// would send tokens unencrypted to {parts.hostname}; use https://, or insecure=True "
            "(TRAKTAUTH_INSECURE=1)"
        )
    return address.rstrip("/")


def _origin(base: str) -> str:
    """Return scheme, host and port the way RFC 6454 writes an origin."""
    parts = urlsplit(base)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
