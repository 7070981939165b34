"""Redirect addresses: which are alike, which are fit to be used, and what is added to them.

Exact comparison, except for the port of a loopback IP address (RFC 9700 section 2.1, RFC 8252 section 7.3).
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import SplitResult, urlencode, urlsplit

BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]|\s")
DANGEROUS = ("javascript", "data", "vbscript")
WEB = ("http", "https")
LONGEST_HOST = 253
IPV6 = re.compile(r"\[[0-9A-Fa-f:.]+\](:[0-9]*)?")
READ_IN_TWO_WAYS = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
"""What IDNA 2003 and 2008 write in ASCII differently: browsers would go to another host than is named here."""
NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")


def same_but_for_loopback_port(asked: str, registered: str) -> bool:
    """Whether *asked* is *registered*, or the same loopback address with another port."""
    if asked == registered:
        return True
    one, other = _split(asked), _split(registered)
    if one is None or other is None or not is_loopback_ip(other.hostname):
        return False
    alike = (one.scheme, one.hostname, one.path, one.query) == (other.scheme, other.hostname, other.path, other.query)
    return alike and "@" not in one.netloc and not one.fragment and "#" not in asked


def is_registered(asked: str, registered: list[str]) -> bool:
    """Whether *asked* is one of the *registered* addresses, up to a loopback port."""
    return any(same_but_for_loopback_port(asked, other) for other in registered)


@lru_cache(maxsize=128)  # an app sends the same one with each exchange
def fault_of(address: str) -> str | None:
    """Say what makes an address unfit to be registered or asked for, None where nothing does."""
    if BLANK_OR_CONTROL.search(address):
        return "has blanks in it"
    parts = _split(address)
    if parts is None or not parts.scheme:
        return "is not an absolute address"
    if parts.scheme in DANGEROUS:
        return "must not use javascript:, data: or vbscript:"
    if "#" in address:
        return "must not have a fragment"
    if parts.scheme in WEB and not parts.hostname:
        return "names no host"
    if parts.scheme in WEB and plain_host(parts) is None:
        return "names a host that cannot be"
    if parts.scheme == "http" and not is_loopback_host(parts.hostname):
        return "must use https, unless it is a loopback address"
    return None


def is_loopback_ip(host: str | None) -> bool:
    """Whether a host is a loopback IP address, spelled as one."""
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_host(host: str | None) -> bool:
    """Whether a host is a loopback IP address, `localhost` or below it (RFC 6761)."""
    return is_loopback_ip(host) or host == "localhost" or (host or "").endswith(".localhost")


def plain_host(parts: SplitResult) -> str | None:
    """Give the host of an address as it is looked up, in ASCII; None where there is none or it can be nobody's."""
    host, written = parts.hostname or "", parts.netloc.rpartition("@")[2]
    if "[" in parts.netloc:
        return f"[{host}]" if IPV6.fullmatch(written) else None
    if "\\" in parts.netloc or len(host) > LONGEST_HOST or READ_IN_TWO_WAYS.search(host):
        return None  # browsers take a backslash for the path's beginning, and would go to another host
    try:
        found = host.encode("idna").decode().lower()
    except UnicodeError:
        return None
    return found if NAME.fullmatch(found) else None


def host_of(address: str) -> str:
    """Give what a person should read of a redirect address: its host, or its scheme where that is not the web's."""
    parts = _split(address)
    if parts is None:
        return address
    host = plain_host(parts) if parts.scheme in WEB else None
    return _with_port(host, parts.port) if host else f"{parts.scheme}:"


def origin_of(address: str) -> str:
    """Give what a content security policy calls an address: its origin, or its scheme; empty where it has neither.

    A policy has no word for an IPv6 host and for a host of a scheme that is not the web's: the scheme stands for them.
    """
    parts = _split(address)
    if parts is None or not parts.scheme or parts.scheme in DANGEROUS:
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


def _split(address: str) -> SplitResult | None:
    if BLANK_OR_CONTROL.search(address):  # of which urlsplit drops some, so that two addresses would seem alike
        return None
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts
