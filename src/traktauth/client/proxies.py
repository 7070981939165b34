"""The environment's certificates and proxies, chosen as httpx2 does; and errors in the variables that name them."""

from __future__ import annotations

import os
import re
import ssl
from functools import lru_cache
from importlib import import_module
from ipaddress import ip_network
from typing import TYPE_CHECKING, TypeVar
from urllib.request import getproxies

import httpcore2
import httpx2

from traktauth.errors import TryLater

if TYPE_CHECKING:
    from collections.abc import Callable


_RETRY_AFTER = 60.0  # seconds; the environment of a process seldom changes by itself
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def load_tls() -> ssl.SSLContext:
    """Return the context with the trusted certificates, which are loaded once a process.

    Raises:
        TryLater: the environment names certificates that cannot be loaded.
    """
    return _load_tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _load_tls(*_of_environment: str | None) -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context()
    except Exception as error:
        raise certificates_error(error) from error


def certificates_error(error: Exception) -> TryLater:
    """Return the error for certificates that could not be loaded."""
    cause = getattr(error, "strerror", None) or type(error).__name__
    for name in _CERTIFICATES:
        if path := os.environ.get(name):
            return _error(f"{name}={path} cannot be loaded: {cause}", f"Correct {name}, or unset it")
    return _error(f"The certificates of this system cannot be loaded: {cause}", "Set SSL_CERT_FILE to a PEM file")


def client_error(error: Exception) -> TryLater:
    """Return the error for an HTTP client that could not be made, though the proxies can be used."""
    if isinstance(error, MemoryError):
        return _error("Not enough memory for a connection", "Free memory, or raise the limit of this process")
    return _error(
        f"The HTTP client cannot be made: {type(error).__name__}",
        "Check the proxy settings of this system, and the variable NO_PROXY",
    )


def proxy_error(variable: str, address: str, error: Exception) -> TryLater:
    """Return the error for a proxy that cannot be used.

    Args:
        variable: the variable that names it; empty if it is a setting of the system.
        address: the proxy as it is named.
        error: why it cannot be used; an ImportError is a missing package.
    """
    shown = re.sub(r"(^|//)[^/]*@", r"\1", address)  # without user name and password
    shown = f"{variable}={shown}" if variable else f"{shown} of this system's settings"
    unset = f"unset {variable}" if variable else "remove it"
    scheme = address.partition("://")[0].lower()
    if isinstance(error, ImportError):
        return _error(
            f"The proxy {shown} needs the package socksio, which is not installed",
            f"Install it: pip install 'httpx2[socks]'; or {unset}",
        )
    if scheme == "socks":
        return _error(f"The proxy {shown} has an unknown scheme", f"Write socks5:// instead of socks://, or {unset}")
    example = f"{variable}=http://HOST:PORT" if variable else "http://HOST:PORT"
    return _error(f"The proxy {shown} cannot be used", f"Write {example} (or https://, socks5://), or {unset}")


def _error(message: str, hint: str) -> TryLater:
    return TryLater(f"{message}; nothing was sent", retry_after=_RETRY_AFTER, hint=hint)


T = TypeVar("T")


def proxy_mounts(transport: Callable[[httpcore2.Proxy, str], T]) -> dict[str, T | None]:
    """Return the `mounts` of a client: transports for proxies, None for addresses of `NO_PROXY`.

    A transport given to a client of httpx2 keeps it from asking the environment itself.

    Args:
        transport: makes the transport of a proxy, with the name by which messages show the proxy.

    Raises:
        TryLater: a proxy cannot be used.
    """
    named = getproxies()
    excluded = [host.strip() for host in named.get("no", "").split(",")]
    if "*" in excluded:
        return {}
    mounts: dict[str, T | None] = {}
    for scheme in ("http", "https", "all"):
        if address := named.get(scheme):
            names = f"{scheme}_proxy", f"{scheme}_proxy".upper()
            variable = next((name for name in names if os.environ.get(name)), "")
            mounts[f"{scheme}://"] = transport(*_read(address, variable))
    patterns = (_pattern(host) for host in excluded)
    return mounts | dict.fromkeys((pattern for pattern in patterns if pattern), None)


def _read(address: str, variable: str) -> tuple[httpcore2.Proxy, str]:
    try:
        proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
        url = proxy.url
        if url.scheme.startswith("socks"):
            import_module("socksio")
        core = httpcore2.Proxy(
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            auth=proxy.raw_auth,
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise proxy_error(variable, address, error) from error
    name = f"{url.scheme}://{url.netloc.decode('ascii')}"
    return core, f"{name} of {variable}" if variable else name


def _pattern(entry: str) -> str | None:
    """Return the pattern of an entry of `NO_PROXY`; None for one that matches no address."""
    scheme, _, host = entry.rpartition("://")
    network = host.replace("[", "").replace("]", "")
    if _is_network(network):
        address, slash, prefix = network.partition("/")
        host = f"[{address}]{slash}{prefix}" if ":" in address else network
    elif scheme:
        host = host.partition("/")[0]
    elif not host or "/" in host:
        return None
    elif host.lower() != "localhost" and not host.startswith(("[", "*.")):
        host = f"*{host}"
    pattern = f"{scheme or 'all'}://{host}"
    try:
        httpx2.URL(pattern)
    except httpx2.InvalidURL:
        return None
    return pattern


def _is_network(host: str) -> bool:
    try:
        ip_network(host, strict=False)
    except ValueError:
        return False
    return True
