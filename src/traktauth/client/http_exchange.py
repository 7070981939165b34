"""One HTTP exchange of the sign-in or the life cycle: what left this machine, and what came back."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from functools import lru_cache
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any

import httpx2

from traktauth.client.driver.shield import start_thread
from traktauth.client.http_errors import PROXY, certificate_code, describe_error, timeout_reason
from traktauth.client.raw_response import RawResponse
from traktauth.client.transport import EXCHANGE
from traktauth.flow.effects import NoResponse
from traktauth.stores.database.lease import steady_clock
from traktauth.timeouts import CONNECT_TIMEOUT, REQUEST_TIMEOUT
from traktauth.wire.error_responses import is_certainly_unspent
from traktauth.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpcore2

    from traktauth.client.http_clients import HttpAsyncClient, HttpClient
    from traktauth.wire.messages import Request

MAX_REPLY = 1024 * 1024  # bytes; a token response has a few hundred, and what is cut off cannot be read
# Seconds to wait for the end of a response whose JSON object has arrived whole.
END_TIMEOUT = 1.0
# Seconds between two looks at an exchange. More than `_MAX_SLICE` between them means that this process did not run.
_SLICE = 0.25
_MAX_SLICE = 2.0
_MAX_STOP = 60.0  # seconds for which an abandoned thread goes on reading
_AFTER_A_STOP = 2.0  # seconds to read what arrived while this process did not run
_MAX_DOCUMENT = 64 * 1024  # bytes; in a larger body no whole JSON object is looked for before its end
# Errors that are raised before a byte of the request has left, of httpx2 and of httpx, which have the same names.
_NEVER_LEFT = {
    "ConnectError",
    "ConnectTimeout",
    "PoolTimeout",
    "ProxyError",
    "UnsupportedProtocol",
    "InvalidURL",
    "LocalProtocolError",
}
_BODY = {"aread", "content", "read", "stream"}  # the members of a request that give its body
_LIBRARIES = {"httpx2", "httpx"}
_PORTS = {"http": 80, "https": 443}
if TYPE_CHECKING:
    _AnyRequest = httpx2.Request
else:
    _AnyRequest = object  # the request class is that of the client's library


class NoCookies(CookieJar):
    """A cookie jar that stays empty: a client is shared by accounts that must not be linked."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Ignore the cookies of a response."""

    def set_cookie(self, cookie: object) -> None:
        """Ignore a cookie."""


class SendAbandoned(Exception):
    """The time limit of this exchange was reached, and it must not begin now."""


class SentTwice(Exception):
    """The client given as `http=` has sent this request and tries to send it again, as a transport with retries does.

    The server may have received the first one, and ends every device's login if a refresh token comes twice.
    """


class SendTracker:
    """Whether a byte of a request's body may have left this machine, and until when it may.

    Args:
        limit: seconds after which the request must not leave any more.
        is_watched: the client's transport calls `begin_sending` before it sends the body. If it does not, the HTTP
            library's trace may tell.
    """

    def __init__(self, limit: float = REQUEST_TIMEOUT, *, is_watched: bool = False) -> None:
        self._began = steady_clock()
        self._limit = limit
        self._lock = threading.Lock()
        self._is_told = is_watched
        self._started = False
        self.given_up = False

    def seconds(self) -> float:
        """Return the seconds since the exchange began."""
        return steady_clock() - self._began

    def may_have_left(self, *, never: bool = False) -> bool:
        """Return whether the body may have left; without a trace, `never` says that the error precedes sending."""
        return self._started or not (self._is_told or never)

    def give_up(self) -> bool:
        """Keep the request from leaving from now on; tell whether it may have left before."""
        with self._lock:
            self.given_up = True
        return self.may_have_left()

    def begin_sending(self) -> None:
        """Note that the request is about to leave.

        Raises:
            SendAbandoned: its time limit was reached.
            SentTwice: it may have left before.
        """
        with self._lock:
            # A process that was stopped finds its time over here, before the thread that waits for it does.
            if self.given_up or self.seconds() > self._limit:
                raise SendAbandoned
            if self._started:
                raise SentTwice
            self._started = True

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note an event of the HTTP library; raises what `begin_sending` raises."""
        self._is_told = True
        # The request for a tunnel goes to a proxy; nothing has gone through the tunnel yet.
        is_of_request = getattr(info.get("request"), "method", b"CONNECT") != b"CONNECT"
        # The first step of the request sends its head, also if a later version of the library has renamed it.
        is_head = event.endswith("send_request_headers.started") or not self._started
        if is_of_request and event.endswith(".started") and is_head:
            self.begin_sending()


class Exchange:
    """One request and its response, which are exchanged once, in whatever thread or task.

    Args:
        client: sends the request.
        request: the request.
        limit: seconds for the whole exchange, not counting the time in which this process did not run.
        is_async: `client` is an async one.
        is_watched: `client` is one of `traktauth.client.http`: the exchange watches its connection, and reads a token
            also from a response that breaks HTTP. Other clients have the trace of the HTTP library.

    Attributes:
        is_alone: no other thread waits for the exchange and limits its time.
    """

    def __init__(
        self,
        client: HttpClient | HttpAsyncClient,
        request: Request,
        limit: float,
        *,
        is_async: bool = False,
        is_watched: bool = False,
    ) -> None:
        self.is_alone = False
        self._limit = limit
        self._tracker = SendTracker(limit, is_watched=is_watched)
        self._claim = threading.Lock()
        self._lock = threading.Lock()
        self._ended = threading.Lock()
        self._ended.acquire()
        self._outcome: Response | NoResponse | None = None
        self._head: tuple[int, Mapping[str, str]] | None = None
        self._body = bytearray()
        self._whole_at: float | None = None
        self._raw = RawResponse()
        extension = {EXCHANGE: self} if is_watched else {"trace": self._atrace if is_async else self._trace}
        self._request = _build(client, request, extension, limit, is_async=is_async)

    # ------------------------------------------------------------ the connection
    def begin_sending(self) -> None:
        """Note that the body is about to be sent; raises what `SendTracker.begin_sending` raises."""
        self._tracker.begin_sending()
        self._raw.clear()  # of what a proxy said

    def keep(self, data: bytes) -> None:
        """Keep what has arrived; nothing at the end, also if reading failed."""
        self._raw.keep(data)

    def read_rest(self, stream: httpcore2.NetworkStream) -> None:
        """Read the rest of a response that the library refuses or has cut off, before its connection is closed."""
        if self._tracker.may_have_left() and not self._tracker.given_up and not _is_object(self._body):
            self._raw.read_on(stream, END_TIMEOUT, is_refused=self._head is None)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        self._tracker.trace(event, info)
        if event.endswith("connect_tcp.started"):
            self._note_proxy(str(info.get("host")), info.get("port"))

    async def _atrace(self, event: str, info: dict[str, Any]) -> None:
        self._trace(event, info)

    def _note_proxy(self, host: str, port: object) -> None:
        url = self._request.url
        if (host, port) != (url.raw_host.decode("ascii"), url.port or _PORTS.get(url.scheme)):
            self._request.extensions[PROXY] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    # ------------------------------------------------------------ exchanging
    def run(self, client: HttpClient) -> None:
        """Send the request and read the response; do nothing if another thread has started it."""
        if not self._claim.acquire(blocking=False):
            return
        if self.is_alone:
            self._request.extensions["timeout"]["read"] = self._limit
        try:
            response = client.send(self._request, stream=True, follow_redirects=False, auth=None)
            with closing(response):
                self._begin(response)
                for chunk in response.iter_bytes():
                    if not self._take(chunk):
                        break
            self._end(None)
        except Exception as error:  # noqa: BLE001 - whatever broke the exchange decides on the outcome
            self._end(error)
        finally:
            self._ended.release()

    async def arun(self, client: HttpAsyncClient) -> None:
        """Send the request and read the response in a task."""
        self._claim.acquire(blocking=False)
        try:
            response = await client.send(self._request, stream=True, follow_redirects=False, auth=None)
            try:
                self._begin(response)
                async for chunk in response.aiter_bytes():
                    if not self._take(chunk):
                        break
            finally:
                await response.aclose()
            self._end(None)
        except Exception as error:  # noqa: BLE001 - whatever broke the exchange decides on the outcome
            self._end(error)
        finally:
            self._ended.release()

    def _begin(self, response: httpx2.Response) -> None:
        self._head = response.status_code, {name.lower(): value for name, value in response.headers.items()}

    def _take(self, chunk: bytes) -> bool:
        """Take a part of the body; return whether the rest is of interest."""
        self._body += chunk
        if self.is_alone and self._tracker.seconds() > self._limit:
            raise httpx2.ReadTimeout("the time limit was reached")
        return len(self._body) <= MAX_REPLY and not self._tracker.given_up

    def _end(self, error: Exception | None) -> None:
        with self._lock:
            if self._outcome is None:
                self._outcome = self._judge(error)

    def _judge(self, error: Exception | None) -> Response | NoResponse:
        """Return the response, if it arrived whole or its JSON object did; else what became of the request."""
        if self._head is not None:
            response = Response(*self._head, bytes(self._body[:MAX_REPLY]))
            # The framing may be broken (no last chunk, a wrong length, no close), and what it frames is complete.
            if response.document() or is_certainly_unspent(response):
                return response
            if error is None and not self._tracker.given_up:
                return self._token_response() or response
        if token_response := self._token_response():
            return token_response
        if error is None:
            return NoResponse(self._tracker.give_up(), timeout_reason(self._limit))
        untouched = not self._request.was_read
        sent = self._tracker.may_have_left(never=untouched or _never_left(error))
        reason = describe_error(error, timeout=self._limit)
        if untouched and not sent and reason == type(error).__name__:
            reason = f"the HTTP client raised {reason} before anything was sent"
        return NoResponse(sent, reason, certificate_code(error))

    def _token_response(self) -> Response | None:
        """Return the response as its bytes show it, if the HTTP library cannot read it and it holds a whole token."""
        return self._raw.token_response() if self._tracker.may_have_left() else None

    # ------------------------------------------------------------ waiting
    def slices(self) -> Iterator[float]:
        """Yield how many seconds to wait before the next look, until the time limit is reached.

        The time in which this process was stopped does not count: the response may have arrived meanwhile, and the
        thread or task that reads it has to run first.
        """
        left = self._limit
        while left > 0 and self._outcome is None:
            began = time.monotonic()
            if self._whole_at is None and len(self._body) <= _MAX_DOCUMENT and _is_object(bytes(self._body)):
                self._whole_at = began
            if self._whole_at is not None and began - self._whole_at > END_TIMEOUT:
                return
            yield min(_SLICE, left)
            took = time.monotonic() - began
            left = left - took if took < _MAX_SLICE else max(left - _SLICE, _AFTER_A_STOP)

    def wait(self) -> Response | NoResponse:
        """Wait for the end of the exchange in another thread, up to the time limit, and return its outcome."""
        for seconds in self.slices():
            if self._ended.acquire(timeout=seconds):
                self._ended.release()
                break
        return self.outcome()

    def outcome(self) -> Response | NoResponse:
        """Return the outcome; an exchange that has not ended is given up."""
        with self._lock:
            if self._outcome is None:
                self._tracker.give_up()
                self._outcome = self._judge(None)
            return self._outcome


class _BodyWatch(_AnyRequest):
    """What a request class is derived with, so that a request knows whether anything has read its body.

    The body holds the secrets. A hook or a closed client fails before that; a transport cannot send it without
    reading it.
    """

    was_read = False

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - any attribute
        if name in _BODY:
            self.was_read = True
        return super().__getattribute__(name)


@lru_cache(maxsize=8)
def _watching_class(kind: type) -> Any:  # noqa: ANN401 - a request class of the client's own library, httpx2 or httpx
    """Return a request class that knows whether its body was read; a client sends those of its own library only."""
    return type("Request", (_BodyWatch, kind), {})


def _never_left(error: Exception) -> bool:
    """Return whether an error of the HTTP library says that no byte of the request has left."""
    return any(
        kind.__name__ in _NEVER_LEFT and kind.__module__.partition(".")[0] in _LIBRARIES for kind in type(error).__mro__
    )


def _build(
    client: HttpClient | HttpAsyncClient, request: Request, extension: dict[str, Any], limit: float, *, is_async: bool
) -> Any:  # noqa: ANN401 - a request of the client's own library
    """Build the request with the client's own header fields, but without its cookies."""
    of_client: httpx2.Request = client.build_request(  # or httpx's, which has the same members
        request.method, request.url, headers=dict(request.headers), content=request.body or None
    )
    headers = of_client.headers
    headers.pop("cookie", None)
    # The exchange as a whole is limited by `slices`; a limit for each read would count the time in which this process
    # was stopped. A thread has one nevertheless, as nothing else would ever end it.
    read = None if is_async else limit + _MAX_STOP
    timeout = httpx2.Timeout(connect=min(CONNECT_TIMEOUT, limit), read=read, write=read, pool=limit)
    built = _watching_class(type(of_client))(  # type: ignore[arg-type] # a class has a hash, whatever its instances have
        request.method,
        request.url,
        headers=headers,
        content=request.body or None,
        extensions={"timeout": timeout.as_dict(), **extension},
    )
    built.was_read = False
    return built


def _is_object(body: bytes | bytearray) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


# ---------------------------------------------------------------- sending
def send(client: HttpClient, request: Request, *, is_watched: bool = False) -> Response | NoResponse:
    """Send one request and read its whole response, within `REQUEST_TIMEOUT` seconds in all.

    Args:
        client: sends the request.
        request: the request.
        is_watched: the client is one of `traktauth.client.http`.
    """
    try:
        exchange = Exchange(client, request, REQUEST_TIMEOUT, is_watched=is_watched)
    except Exception as error:  # noqa: BLE001 - the request could not even be built
        return NoResponse(sent=False, reason=f"the request could not be built ({type(error).__name__})")
    # The library limits each step, and not the search for the host's address; and a server may take as many steps as
    # it likes. So the whole has a thread that is left to itself when the time is over.
    if not start_thread(lambda: exchange.run(client), name="traktauth-send", daemon=True):
        exchange.is_alone = True
        exchange.run(client)
    return exchange.wait()


async def send_async(client: HttpAsyncClient, request: Request) -> Response | NoResponse:
    """Send one request with an application's client, and read its whole response, within `REQUEST_TIMEOUT` seconds."""
    import asyncio  # noqa: PLC0415 - a blocking program does without

    try:
        exchange = Exchange(client, request, REQUEST_TIMEOUT, is_async=True)
    except Exception as error:  # noqa: BLE001 - the request could not even be built
        return NoResponse(sent=False, reason=f"the request could not be built ({type(error).__name__})")
    task = asyncio.create_task(exchange.arun(client))
    try:
        for seconds in exchange.slices():
            if (await asyncio.wait([task], timeout=seconds))[0]:
                break
        return exchange.outcome()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=1.0)
