"""The proxies that the environment or the system names, as httpx2 chooses them."""

from __future__ import annotations

import os
from importlib import import_module
from ipaddress import ip_network
from typing import TYPE_CHECKING, TypeVar
from urllib.request import getproxies

import httpcore2
import httpx2

from traktauth.client.environment import proxy_error

if TYPE_CHECKING:
    from collections.abc import Callable

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
