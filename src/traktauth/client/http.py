"""Clients of the default HTTP library, and API requests; imported when the first request is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from typing import Any, TypeVar

import httpx2

from traktauth.client.http_exchange import NoCookies
from traktauth.client.proxies import client_error, load_tls, proxy_mounts
from traktauth.client.transport import AsyncTransport, Transport
from traktauth.errors import TryLater
from traktauth.stores.processes import this_process
from traktauth.timeouts import CONNECT_TIMEOUT, REQUEST_TIMEOUT

HttpAuth = httpx2.Auth
HttpResponse = httpx2.Response
T = TypeVar("T")

_TIMEOUT = httpx2.Timeout(REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT)


def new_client(*, direct: bool = False) -> httpx2.Client:
    """Make a blocking client.

    Args:
        direct: use no proxy, as for a service on this machine.

    Raises:
        TryLater: the environment names a proxy or certificates that cannot be used.
    """
    return _new_client(httpx2.Client, Transport, direct=direct)


def new_async_client(*, direct: bool = False) -> httpx2.AsyncClient:
    """Make an async client for API requests."""
    return _new_client(httpx2.AsyncClient, AsyncTransport, direct=direct)


def _new_client(kind: Callable[..., T], transport: Callable[..., Any], *, direct: bool) -> T:
    tls = load_tls()
    try:
        return kind(
            transport=transport(tls),
            mounts={} if direct else proxy_mounts(partial(transport, tls)),
            timeout=_TIMEOUT,
            follow_redirects=False,
            cookies=NoCookies(),
        )
    except TryLater:
        raise
    except Exception as error:
        raise client_error(error) from error


@cache
def load() -> None:
    """Load what an async request needs, and read who this process is; called in a thread, as that reads files."""
    import anyio.abc  # noqa: PLC0415 - a blocking program does without

    for module in (anyio, anyio.abc):  # which import their parts when these are first named
        for name in dir(module):
            getattr(module, name, None)
    anyio.run(anyio.sleep, 0)  # and the parts for asyncio when they are first used
    "localhost".encode("idna")  # the same, for the name of a host
    this_process()


def api_request(
    method: str,
    url: str,
    *,
    params: Mapping[str, Any] | None,
    json: object,
    headers: Mapping[str, str],
) -> httpx2.Request:
    """Build an API request for a client of `new_client`, in a third of the time that the client's own builder takes."""
    return httpx2.Request(
        method,
        _parse_url(url),
        params=params,
        json=json,
        headers=headers,
        extensions={"timeout": _TIMEOUT.as_dict()},
    )


@lru_cache(maxsize=256)
def _parse_url(url: str) -> httpx2.URL:
    return httpx2.URL(url)
