"""The default HTTP library, named here alone; it is imported when the first request is sent."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from traktauth.client.progress import Progress
from traktauth.flow.effects import NoReply
from traktauth.flow.terms import REQUEST_LIMIT
from traktauth.wire.messages import Reply

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable, Iterable, Mapping

    import httpx2

    from traktauth.wire.messages import Request

    # For the annotations of other modules.
    HttpAsyncClient = httpx2.AsyncClient
    HttpAuth = httpx2.Auth
    HttpClient = httpx2.Client
    HttpResponse = httpx2.Response

# Seconds to reach a host; the rest of a request's time is for its answer.
CONNECT_LIMIT = 10.0
# Seconds after which a kept connection is not used again.
_IDLE = 5.0
LARGEST_REPLY = 1024 * 1024  # bytes; a token reply has a few hundred, and what is cut off cannot be read


def new_client(*, keep: bool = True) -> httpx2.Client:
    """Make a blocking client; with `keep=False` each request has a connection of its own.

    A refresh must not be sent on a kept connection: if the other side closes it in that moment, nobody knows whether
    the token was spent.
    """
    import httpx2  # noqa: PLC0415 - on first use

    return httpx2.Client(timeout=_timeout(), limits=_limits(keep=keep), follow_redirects=False)


def new_async_client(
    *, keep: bool = True, idle: float = _IDLE, tls: ssl.SSLContext | None = None
) -> httpx2.AsyncClient:
    """Make an async client; otherwise as `new_client`.

    A connection that was idle for more than `idle` seconds is not used again. Many clients may share what `new_tls`
    makes, which costs more than the rest of them.
    """
    import httpx2  # noqa: PLC0415 - on first use

    limits = _limits(keep=keep, idle=idle)
    return httpx2.AsyncClient(timeout=_timeout(), limits=limits, follow_redirects=False, verify=tls or True)


def new_tls() -> ssl.SSLContext:
    """Load the certificates that are trusted."""
    import httpx2  # noqa: PLC0415 - on first use

    return httpx2.create_ssl_context()


def _timeout() -> httpx2.Timeout:
    import httpx2  # noqa: PLC0415 - on first use

    return httpx2.Timeout(REQUEST_LIMIT, connect=CONNECT_LIMIT)


def _limits(*, keep: bool, idle: float = _IDLE) -> httpx2.Limits:
    import httpx2  # noqa: PLC0415 - on first use

    return httpx2.Limits(keepalive_expiry=idle, max_keepalive_connections=20 if keep else 0)


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
        _parsed(url),
        params=params,
        json=json,
        headers=headers,
        extensions={"timeout": _timeout().as_dict()},
    )


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx2.URL:
    import httpx2  # noqa: PLC0415 - on first use

    return httpx2.URL(url)


def send(client: httpx2.Client, request: Request) -> Reply | NoReply:
    """Send one request and read its whole reply, within `REQUEST_LIMIT` seconds in all."""
    progress = Progress()
    outcome: list[Reply | NoReply] = []

    def work() -> None:
        try:
            outcome.append(_exchange(client, request, progress))
        except Exception as error:  # noqa: BLE001 - whatever broke the exchange, no reply came
            outcome.append(NoReply(progress.may_have_left(never=_never_left(error)), _words(error)))

    # The library limits each step, and not the search for the host's address; and a server may take as many steps as
    # it likes. So the whole has a thread that is left to itself when the time is over.
    thread = threading.Thread(target=work, name="traktauth-send", daemon=True)
    thread.start()
    thread.join(REQUEST_LIMIT)
    if outcome:
        return outcome[0]
    sent = progress.give_up()
    return outcome[0] if outcome else NoReply(sent, _too_slow())


def _exchange(client: httpx2.Client, request: Request, progress: Progress) -> Reply:
    with client.stream(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.body or None,
        extensions={"trace": progress.trace},
        follow_redirects=False,
        auth=None,
    ) as response:
        return Reply(response.status_code, _lower(response), _whole(response.iter_bytes(), progress))


async def asend(client: httpx2.AsyncClient, request: Request) -> Reply | NoReply:
    """Send one request; otherwise as `send`."""
    import asyncio  # noqa: PLC0415 - a blocking program does without

    progress = Progress()
    try:
        async with (
            asyncio.timeout(REQUEST_LIMIT),
            client.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body or None,
                extensions={"trace": progress.atrace},
                follow_redirects=False,
                auth=None,
            ) as response,
        ):
            return Reply(response.status_code, _lower(response), await _awhole(response.aiter_bytes()))
    except TimeoutError:
        return NoReply(progress.give_up(), _too_slow())
    except Exception as error:  # noqa: BLE001 - whatever broke the exchange, no reply came
        return NoReply(progress.may_have_left(never=_never_left(error)), _words(error))


def _lower(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _whole(chunks: Iterable[bytes], progress: Progress) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_REPLY or progress.given_up:
            break
    return bytes(body[:LARGEST_REPLY])


async def _awhole(chunks: AsyncIterable[bytes]) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_REPLY:
            break
    return bytes(body[:LARGEST_REPLY])


def _never_left(error: Exception) -> bool:
    import httpx2  # noqa: PLC0415 - on first use

    kinds = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.ProxyError,
        httpx2.UnsupportedProtocol,
        httpx2.InvalidURL,
        httpx2.LocalProtocolError,
    )
    return isinstance(error, kinds)


def _words(error: Exception) -> str:
    """Name what broke, without what the library says of it: that may hold an address or a body."""
    known: dict[str, str] = {
        "ConnectError": "no connection (name not found, refused, or TLS failed)",
        "ConnectTimeout": f"no connection within {CONNECT_LIMIT:.0f} s",
        "ProxyError": "the proxy refused",
        "ReadTimeout": _too_slow(),
        "ReadError": "the connection broke off",
        "RemoteProtocolError": "the connection was closed without an answer",
        "WriteError": "the connection broke off",
    }
    return known.get(type(error).__name__, type(error).__name__)


def _too_slow() -> str:
    return f"no answer within {REQUEST_LIMIT:.0f} s"
