"""Clients of the default HTTP library, which is imported when the first request is sent; API requests, and errors."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from traktauth.client.tls import load_tls
from traktauth.models.app import LOOPBACK_HOSTS
from traktauth.stores.processes import this_process
from traktauth.timeouts import CONNECT_TIMEOUT, REQUEST_TIMEOUT

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import httpx2

    # For the annotations of other modules.
    HttpAuth = httpx2.Auth
    HttpResponse = httpx2.Response

# Seconds after which a kept connection is not used again.
_IDLE = 5.0
# What the HTTP library imports when the first async request is sent: these would block an event loop.
_ON_FIRST_USE = ("anyio._backends._asyncio", "httpcore2._backends.anyio", "encodings.idna", "stringprep")


def new_client(*, keep: bool = True, direct: bool = False) -> httpx2.Client:
    """Make a blocking client.

    Args:
        keep: keep connections. A refresh must not be sent on a kept connection: if the other side closes it in that
            moment, it is unknown whether the token was spent; and a late response would be taken for another request's.
        direct: use no proxy, as for a service on this machine.

    Raises:
        TryLater: the environment names a proxy or certificates that cannot be used.
    """
    import httpx2  # noqa: PLC0415 - on first use

    tls = load_tls()
    try:
        return httpx2.Client(**_settings(tls, keep=keep, direct=direct))
    except Exception as error:
        raise _client_error(error) from error


def new_async_client(*, keep: bool = True, direct: bool = False) -> httpx2.AsyncClient:
    """Make an async client; otherwise as `new_client`."""
    import httpx2  # noqa: PLC0415 - on first use

    tls = load_tls()
    try:
        return httpx2.AsyncClient(**_settings(tls, keep=keep, direct=direct))
    except Exception as error:
        raise _client_error(error) from error


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
    """Import what an async request needs, and read who this process is, once a process."""
    global _has_modules  # noqa: PLW0603 - they stay loaded
    if _has_modules:
        return
    from importlib import import_module  # noqa: PLC0415 - only here

    for name in _ON_FIRST_USE:
        with suppress(ImportError):  # another version of the library does without it
            import_module(name)
    with suppress(ImportError, AttributeError, TypeError):
        for module in (import_module("anyio"), import_module("anyio.abc")):
            for name in dir(module):  # they import their parts when these are first named
                getattr(module, name, None)
        import_module("anyio._core._eventloop").get_async_backend("asyncio")
    import_module("traktauth.client.http_exchange")
    this_process()
    _has_modules = True


def _settings(tls: ssl.SSLContext, *, keep: bool, direct: bool) -> dict[str, Any]:
    import httpx2  # noqa: PLC0415 - on first use

    from traktauth.client.http_exchange import NoCookies  # noqa: PLC0415 - it imports the HTTP library

    return {
        "timeout": _timeout(),
        "limits": httpx2.Limits(keepalive_expiry=_IDLE, max_keepalive_connections=20 if keep else 0),
        "follow_redirects": False,
        "verify": tls,
        "trust_env": not direct,
        "cookies": NoCookies(),
    }


def _client_error(error: Exception) -> Exception:
    import httpx2  # noqa: PLC0415 - on first use

    from traktauth.client.environment_errors import client_error  # noqa: PLC0415 - only then

    def is_usable(proxy: str) -> bool:
        try:
            httpx2.HTTPTransport(verify=load_tls(), proxy=httpx2.Proxy(proxy)).close()
        except Exception:  # noqa: BLE001 - whatever the library does not take
            return False
        return True

    return client_error(error, is_usable)


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


def finish(response: httpx2.Response) -> httpx2.Response:
    """Return a response that was read.

    Its connection is closed if more bytes followed it: they would be taken for the next request's response.
    """
    from traktauth.client.http_exchange import has_trailing_data  # noqa: PLC0415 - it imports the HTTP library

    if has_trailing_data(response):
        response.extensions["network_stream"].close()
    return response


async def afinish(response: httpx2.Response) -> httpx2.Response:
    """Return a response that was read by an async client; otherwise as `finish`."""
    from traktauth.client.http_exchange import has_trailing_data  # noqa: PLC0415 - it imports the HTTP library

    if has_trailing_data(response):
        await response.extensions["network_stream"].aclose()
    return response
