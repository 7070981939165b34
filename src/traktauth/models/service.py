"""From what a user calls a service to its addresses."""

from __future__ import annotations

from traktauth.models.app import LOOPBACK_HOSTS
from traktauth.protocol import SERVICES, Service

_DEFAULT_PORTS = {"http": 80, "https": 443}


def find_service(name: str, *, insecure: bool = False) -> Service:
    """Return the service of this name, or one that a base address serves whole (a local Trakt).

    Args:
        name: `trakt`, `auth.trakt.tv`, `staging`, or a base address such as `http://127.0.0.1:8712`.
        insecure: take `http://` on a host that is not this machine.

    Raises:
        ValueError: there is no such name, or the address is none that can be used.
    """
    known = SERVICES.get(name)
    if known is not None:
        return known
    if "://" not in name:
        names = ", ".join(SERVICES)
        raise ValueError(f"No service is named {name!r}; use {names}, or a base address such as https://host")
    base = _base(name, insecure=insecure)
    origin = _origin(base)
    return Service(name, realm=origin, website=base, token=base, api=base, issuer=origin)


def _base(address: str, *, insecure: bool) -> str:
    from urllib.parse import urlsplit  # noqa: PLC0415 - costs milliseconds that Trakt's own names do without

    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise ValueError("The service's base address is no address") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("The service's base address must begin with https:// or http:// and name a host")
    if parts.query or parts.fragment or "@" in parts.netloc or any(not "!" <= c <= "~" for c in address):
        raise ValueError("The service's base address must be a plain address: no query, fragment, password or blank")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS and not insecure:
        raise ValueError(
            f"http:// would send tokens in clear to {parts.hostname}; use https://, "
            "or insecure=True (TRAKTAUTH_INSECURE=1) if that is what you want"
        )
    return address.rstrip("/")


def _origin(base: str) -> str:
    """Return scheme, host and port the way RFC 6454 writes an origin."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - see above

    parts = urlsplit(base)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
