"""Redirect addresses: which are alike, which are fit to be used, and what is added to them.

Exact comparison, except for the port of a loopback IP address (RFC 9700 section 2.1, RFC 8252 section 7.3). Addresses
are taken apart here and not by `urllib.parse`, whose idea of a host differs between versions of Python.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlencode

BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]|\s")
DANGEROUS = ("javascript", "data", "vbscript")
OF_NO_APP = ("about", "blob", "chrome", "file", "filesystem", "ftp", "mailto", "view-source", "ws", "wss")
"""Schemes that cannot open an app."""
WEB = ("http", "https")
MAX_HOST = 253
MAX_PORT = 65535
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?.*")
"""Scheme and authority of an absolute URI (RFC 3986 appendix B)."""
AUTHORITY = re.compile(r"(?:(.*)@)?(\[[^\]]*\]|[^:\[\]]*)(.*?)(?::([0-9]{0,5}))?")
"""User information, host, what does not belong behind the host, and port."""
MISLEADING = re.compile(r"[\[\]\\]")
"""What programs read in different ways in front of a host: browsers take a backslash for the path's beginning."""
READ_IN_TWO_WAYS = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
"""Characters with two IDNA encodings: browsers would go to another host than is named here."""
NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
LOOPBACK = re.compile(rf"(https?://(?:127(?:\.{OCTET}){{3}}|\[::1\]))(?::([1-9][0-9]{{0,4}}))?([/?][^#]*)?")
"""An address whose host is a loopback IP address, spelled in the one usual way: before, in and behind its port."""


class Parts(NamedTuple):
    """Scheme and authority of an absolute address.

    Attributes:
        scheme: in lower case.
        host: in lower case, an IPv6 address in its brackets; empty without one.
        misleading: whether something stands beside the host that some programs would take for it.
        port: None without one.
    """

    scheme: str
    host: str
    misleading: bool
    port: int | None


def same_but_for_loopback_port(requested: str, registered: str) -> bool:
    """Return whether *requested* is *registered*, or the same loopback address with another port."""
    if requested == registered:
        return True
    one, other = LOOPBACK.fullmatch(requested), LOOPBACK.fullmatch(registered)
    if one is None or other is None or int(one[2] or 0) > MAX_PORT:
        return False
    return (one[1], one[3]) == (other[1], other[3])


def is_registered(requested: str, registered: list[str]) -> bool:
    """Whether *requested* is one of the *registered* addresses, up to a loopback port."""
    return any(same_but_for_loopback_port(requested, other) for other in registered)


@lru_cache(maxsize=128)  # an app sends the same one with each exchange
def problem_of(address: str) -> str | None:
    """Return why an address can be neither registered nor requested, None if it can."""
    if BLANK_OR_CONTROL.search(address):
        return "has blanks in it"
    parts = _split(address)
    if parts is None:
        return "is not an absolute address"
    if parts.scheme in DANGEROUS:
        return "must not use javascript:, data: or vbscript:"
    if "#" in address:
        return "must not have a fragment"
    if parts.scheme in WEB and not parts.host:
        return "names no host"
    if parts.scheme in WEB and plain_host(parts) is None:
        return "names a host that cannot be"
    if parts.scheme == "http" and not is_loopback_host(parts.host):
        return "must use https, unless it is a loopback address"
    return None


def registration_problem_of(address: str) -> str | None:
    """Return what makes an address unfit to be registered, None if nothing does.

    A request may name what the engines let it name: an address that is not registered is refused anyway.
    """
    parts = _split(address)
    if parts is not None and parts.scheme in OF_NO_APP:
        return f"must not use {parts.scheme}:, which leads to no app"
    return problem_of(address)


def is_loopback_host(host: str) -> bool:
    """Return whether a host is a loopback IP address, `localhost` or below it (RFC 6761)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def plain_host(parts: Parts) -> str | None:
    """Return the host of an address as it is looked up, in ASCII; None if it has none that can exist."""
    host = parts.host
    if parts.misleading:
        return None
    if host.startswith("["):
        return host if _is_ipv6(host[1:-1]) else None
    if len(host) > MAX_HOST or READ_IN_TWO_WAYS.search(host):
        return None
    try:
        found = host.encode("idna").decode().lower()
    except UnicodeError:
        return None
    return found if NAME.fullmatch(found) else None


def host_of(address: str) -> str:
    """Return what a user should read of a redirect address: its host, or its scheme if that is not the web's."""
    parts = _split(address)
    if parts is None:
        return address
    host = plain_host(parts) if parts.scheme in WEB else None
    return _with_port(host, parts.port) if host else f"{parts.scheme}:"


def origin_of(address: str) -> str:
    """Return an address's name in a content security policy: its origin, or its scheme; empty if it has neither.

    A policy has no word for an IPv6 host and for a host of a scheme that is not the web's: the scheme stands for them.
    """
    parts = _split(address)
    if parts is None or parts.scheme in DANGEROUS:
        return ""
    if parts.scheme not in WEB:
        return f"{parts.scheme}:"
    host = plain_host(parts)
    if host is None:
        return ""
    return f"{parts.scheme}:" if host.startswith("[") else f"{parts.scheme}://{_with_port(host, parts.port)}"


def with_query(address: str, parameters: dict[str, str]) -> str:
    """Add parameters to an address, keeping a query that it has (RFC 6749 section 3.1.2)."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


def with_fragment(address: str, parameters: dict[str, str]) -> str:
    """Add parameters to an address behind a `#`."""
    return f"{address}#{urlencode(parameters)}"


def _with_port(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone is this machine's own


def _split(address: str) -> Parts | None:
    """Return the parts of an absolute address; None if it is relative, or has blanks, a broken host or no such port."""
    found = None if BLANK_OR_CONTROL.search(address) else ADDRESS.fullmatch(address)
    if found is None:
        return None
    authority = AUTHORITY.fullmatch(found[2] or "")
    if authority is None:
        return None
    user, host, beyond, port = authority.groups()
    if set(beyond) & set("[]:") or int(port or 0) > MAX_PORT:
        return None
    misleading = bool(beyond or MISLEADING.search(f"{user or ''}{host.strip('[]')}"))
    return Parts(found[1].lower(), host.lower(), misleading, int(port) if port else None)
