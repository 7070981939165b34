"""Clients of the default HTTP library, which is imported when the first request is sent; API requests, and errors."""

from __future__ import annotations

from functools import lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.client.environment_errors import client_error
from traktauth.client.tls import load_tls
from traktauth.errors import TryLater
from traktauth.models.app import LOOPBACK_HOSTS
from traktauth.stores.processes import this_process
from traktauth.timeouts import CONNECT_TIMEOUT, REQUEST_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx2

    # For the annotations of other modules.
    HttpAuth = httpx2.Auth
    HttpResponse = httpx2.Response

T = TypeVar("T")


def new_client(*, direct: bool = False) -> httpx2.Client:
    """Make a blocking client.

    Args:
        direct: use no proxy, as for a service on this machine.

    Raises:
        TryLater: the environment names a proxy or certificates that cannot be used.
    """
    import httpx2  # noqa: PLC0415 - on first use

    from traktauth.client.transport import Transport  # noqa: PLC0415 - it imports the HTTP library

    return _new_client(httpx2.Client, Transport, direct=direct)


def new_async_client(*, direct: bool = False) -> httpx2.AsyncClient:
    """Make an async client for API requests; otherwise as `new_client`."""
    import httpx2  # noqa: PLC0415 - on first use

    from traktauth.client.transport import AsyncTransport  # noqa: PLC0415 - it imports the HTTP library

    return _new_client(httpx2.AsyncClient, AsyncTransport, direct=direct)


def _new_client(kind: Callable[..., T], transport: Callable[..., Any], *, direct: bool) -> T:
    from traktauth.client.http_exchange import NoCookies  # noqa: PLC0415 - it imports the HTTP library
    from traktauth.client.proxies import proxy_mounts  # noqa: PLC0415 - the same

    tls = load_tls()
    try:
        return kind(
            transport=transport(tls),
            mounts={} if direct else proxy_mounts(partial(transport, tls)),
            timeout=_timeout(),
            follow_redirects=False,
            cookies=NoCookies(),
        )
    except TryLater:
        raise
    except Exception as error:
        raise client_error(error) from error


_is_loaded = False


def is_loaded() -> bool:
    """Return whether a client can be made without reading files."""
    return _is_loaded


def load() -> None:
    """Import what an async client needs, and load the certificates: work that would block an event loop.

    Raises:
        TryLater: the environment names certificates that cannot be loaded.
    """
    global _is_loaded  # noqa: PLW0603 - they stay loaded
    load_modules()
    load_tls()
    _is_loaded = True


_has_modules = False


def load_modules() -> None:
    """Import what an async request needs, and read who this process is, once a process; called in a thread."""
    global _has_modules  # noqa: PLW0603 - they stay loaded
    if _has_modules:
        return
    import anyio  # noqa: PLC0415 - on first use
    import anyio.abc  # noqa: PLC0415 - the same

    import_module("traktauth.client.http_exchange")  # which imports the HTTP library
    for module in (anyio, anyio.abc):  # which import their parts when these are first named
        for name in dir(module):
            getattr(module, name, None)
    anyio.run(anyio.sleep, 0)  # and the parts for asyncio when they are first used
    "localhost".encode("idna")  # the same, for the name of a host
    this_process()
    _has_modules = True


def _timeout() -> httpx2.Timeout:
    import httpx2  # noqa: PLC0415 - on first use

    return httpx2.Timeout(REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT)


def api_request(
    method: str,
    url: str,
    *,
    params: Mapping[str, Any] | None,
    json: Any,  # noqa: ANN401 - whatever JSON takes
    headers: Mapping[str, str],
) -> httpx2.Request:
    """Build an API request for a client of `new_client`, in a third of the time that the client's own builder takes."""
    import httpx2  # noqa: PLC0415 - on first use

    return httpx2.Request(
        method,
        _parse_url(url),
        params=params,
        json=json,
        headers=headers,
        extensions={"timeout": _timeout().as_dict()},
    )


@lru_cache(maxsize=256)
def _parse_url(url: str) -> httpx2.URL:
    import httpx2  # noqa: PLC0415 - on first use

    return httpx2.URL(url)


@lru_cache(maxsize=256)
def is_on_this_machine(url: str) -> bool:
    """Return whether an address is a loopback address, which no proxy is asked for."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - the HTTP library imports it too

    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in LOOPBACK_HOSTS or host.endswith(".localhost") or _is_loopback_address(host)


def _is_loopback_address(host: str) -> bool:
    from ipaddress import ip_address  # noqa: PLC0415 - the same

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
