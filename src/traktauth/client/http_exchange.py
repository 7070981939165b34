"""One HTTP exchange of the sign-in or the life cycle: what left this machine, and what came back."""

from __future__ import annotations

import json
import threading
import time
from functools import lru_cache
from http.cookiejar import CookieJar
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import httpx2

from traktauth.client.driver.shield import start_thread
from traktauth.client.http_errors import certificate_code, describe_error, timeout_reason
from traktauth.client.raw_response import RawResponse
from traktauth.flow.effects import NoResponse
from traktauth.stores.database.lease import steady_clock
from traktauth.timeouts import CONNECT_TIMEOUT, REQUEST_TIMEOUT
from traktauth.wire.error_responses import is_certainly_unspent
from traktauth.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from traktauth.client.http_protocols import HttpAsyncClient, HttpClient
    from traktauth.wire.messages import Request

LARGEST_REPLY = 1024 * 1024  # bytes; a token response has a few hundred, and what is cut off cannot be read
# Seconds to wait for the end of a response whose JSON object has arrived whole.
END_TIMEOUT = 1.0
# Seconds between two looks at an exchange. More than `_LONGEST_SLICE` between them means that this process did not run.
_SLICE = 0.25
_LONGEST_SLICE = 2.0
_LONGEST_STOP = 60.0  # seconds for which an abandoned thread goes on reading
_AFTER_A_STOP = 2.0  # seconds to read what arrived while this process did not run
_LARGEST_DOCUMENT = 64 * 1024  # bytes; in a larger body no whole JSON object is looked for before its end
_MOST_LOOKS = 100
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
_LIBRARIES = {"httpx2", "httpx"}
if TYPE_CHECKING:
    _AnyRequest = httpx2.Request
else:
    _AnyRequest = object  # the request class is that of the client's library
_trailing = attrgetter("stream._stream._httpcore_stream._stream._connection._h11_state.trailing_data")


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
    """Whether a byte of a request may have left this machine, as the HTTP library's trace tells.

    Args:
        limit: seconds after which the request must not leave any more.
    """

    def __init__(self, limit: float = REQUEST_TIMEOUT) -> None:
        self._began = steady_clock()
        self._limit = limit
        self._lock = threading.Lock()
        self._traced = False
        self._started = False
        self.given_up = False

    def seconds(self) -> float:
        """Return the seconds since the exchange began."""
        return steady_clock() - self._began

    def may_have_left(self, *, never: bool = False) -> bool:
        """Return whether a byte may have left; a library without a trace tells by its error that none `never` did."""
        return self._started or not (self._traced or never)

    def give_up(self) -> bool:
        """Keep the request from leaving from now on; tell whether it may have left before."""
        with self._lock:
            self.given_up = True
        return self.may_have_left()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note an event of the HTTP library.

        Raises:
            SendAbandoned: a request is about to leave whose time limit was reached.
            SentTwice: a request is about to leave that may have left before.
        """
        self._traced = True
        if event.endswith("send_request_headers.started") and not _to_proxy(info):
            with self._lock:
                # A process that was stopped finds its time over here, before the thread that waits for it does.
                if self.given_up or self.seconds() > self._limit:
                    raise SendAbandoned
                if self._started:
                    raise SentTwice
                self._started = True


def _to_proxy(info: dict[str, Any]) -> bool:
    """Return whether what is traced asks a proxy for a tunnel, through which nothing has gone yet."""
    return getattr(info.get("request"), "method", None) == b"CONNECT"


class Exchange:
    """One request and its response, which are exchanged once, in whatever thread or task.

    Args:
        client: sends the request.
        request: the request.
        limit: seconds for the whole exchange, not counting the time in which this process did not run.
        is_async: `client` is an async one.
        keeps_bytes: keep what arrives on the connection of a blocking client, so that a token can be read from
            a response that breaks HTTP.

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
        keeps_bytes: bool = False,
    ) -> None:
        self.is_alone = False
        self._limit = limit
        self._tracker = SendTracker(limit)
        self._claim = threading.Lock()
        self._lock = threading.Lock()
        self._ended = threading.Lock()
        self._ended.acquire()
        self._outcome: Response | NoResponse | None = None
        self._head: tuple[int, Mapping[str, str]] | None = None
        self._body = bytearray()
        self._looks = 0
        self._whole_at: float | None = None
        self._raw = RawResponse() if keeps_bytes else None
        trace = self._atrace if is_async else self._trace
        self._request = _build(client, request, trace, limit, is_async=is_async)

    # ------------------------------------------------------------ tracing
    def _trace(self, event: str, info: dict[str, Any]) -> None:
        self._tracker.trace(event, info)
        raw = self._raw
        if raw is None:
            return
        raw.trace(event, info)
        if event.endswith("send_request_headers.started") and not _to_proxy(info):
            raw.begin()
        is_last = event.endswith("response_closed.started") and self._tracker.may_have_left()
        if is_last and not self._tracker.given_up and not _is_object(self._body):
            raw.read_on(END_TIMEOUT)
            raw.release()

    async def _atrace(self, event: str, info: dict[str, Any]) -> None:
        self._tracker.trace(event, info)

    # ------------------------------------------------------------ exchanging
    def run(self, client: HttpClient) -> None:
        """Send the request and read the response; nothing where another thread has begun to do so."""
        if not self._claim.acquire(blocking=False):
            return
        if self.is_alone:
            self._request.extensions["timeout"]["read"] = self._limit
        try:
            response = client.send(self._request, stream=True, follow_redirects=False, auth=None)
            with _Closing(response):
                self._begin(response)
                for chunk in response.iter_bytes():
                    if not self._take(chunk):
                        break
            self._end(None)
        except Exception as error:  # noqa: BLE001 - whatever broke the exchange decides on the outcome
            self._end(error, client)
        finally:
            self._ended.release()

    async def arun(self, client: HttpAsyncClient) -> None:
        """Send the request and read the response in a task; otherwise as `run`."""
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
            self._end(error, client)
        finally:
            self._ended.release()

    def _begin(self, response: httpx2.Response) -> None:
        self._head = response.status_code, {name.lower(): value for name, value in response.headers.items()}

    def _take(self, chunk: bytes) -> bool:
        """Take a part of the body; return whether the rest is of interest."""
        self._body += chunk
        may_be_whole = chunk.rstrip().endswith(b"}") and len(self._body) <= _LARGEST_DOCUMENT
        if self._whole_at is None and may_be_whole and self._looks < _MOST_LOOKS:
            self._looks += 1
            if _is_object(self._body):
                self._whole_at = time.monotonic()
        if self.is_alone and self._tracker.seconds() > self._limit:
            raise httpx2.ReadTimeout("the time limit was reached")
        return len(self._body) <= LARGEST_REPLY and not self._tracker.given_up

    def _end(self, error: Exception | None, client: object = None) -> None:
        with self._lock:
            if self._outcome is None:
                self._outcome = self._judge(error, client)

    def _judge(self, error: Exception | None, client: object = None) -> Response | NoResponse:
        """Return the response, if it arrived whole or its JSON object did; else what became of the request."""
        if self._head is not None:
            response = Response(*self._head, bytes(self._body[:LARGEST_REPLY]))
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
        reason = describe_error(error, client, timeout=self._limit)
        if untouched and not sent and reason == type(error).__name__:
            reason = f"the HTTP client raised {reason} before anything was sent"
        return NoResponse(sent, reason, certificate_code(error))

    def _token_response(self) -> Response | None:
        """Return the response as its bytes show it, if the HTTP library cannot read it and it holds a whole token."""
        return self._raw.token_response() if self._raw is not None and self._tracker.may_have_left() else None

    # ------------------------------------------------------------ waiting
    def slices(self) -> Iterator[float]:
        """Yield how many seconds to wait before the next look, until the time limit is reached.

        The time in which this process was stopped does not count: the response may have arrived meanwhile, and the
        thread or task that reads it has to run first.
        """
        left = self._limit
        while left > 0 and self._outcome is None:
            if self._whole_at is not None and time.monotonic() - self._whole_at > END_TIMEOUT:
                return
            began = time.monotonic()
            yield min(_SLICE, left)
            took = time.monotonic() - began
            left = left - took if took < _LONGEST_SLICE else max(left - _SLICE, _AFTER_A_STOP)

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

    @property
    def stream(self) -> Any:  # noqa: ANN401 - a stream of either kind
        self.was_read = True
        return self._stream

    @stream.setter
    def stream(self, stream: Any) -> None:  # noqa: ANN401 - the same
        self._stream = stream

    @property
    def content(self) -> bytes:
        self.was_read = True
        return super().content

    def read(self) -> bytes:
        self.was_read = True
        return super().read()

    async def aread(self) -> bytes:
        self.was_read = True
        return await super().aread()


@lru_cache(maxsize=8)
def _watching_class(kind: type) -> Any:  # noqa: ANN401 - a request class of the client's own library, httpx2 or httpx
    """Return a request class that knows whether its body was read; a client sends those of its own library only."""
    return type("Request", (_BodyWatch, kind), {})


class _Closing:
    """Closes a response at the end."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        self._response.close()


def _never_left(error: Exception) -> bool:
    """Return whether an error of the HTTP library says that no byte of the request has left."""
    return any(
        kind.__name__ in _NEVER_LEFT and kind.__module__.partition(".")[0] in _LIBRARIES for kind in type(error).__mro__
    )


def _build(
    client: HttpClient | HttpAsyncClient, request: Request, trace: Callable[..., Any], limit: float, *, is_async: bool
) -> Any:  # noqa: ANN401 - a request of the client's own library
    """Build the request with the client's own header fields, but without its cookies."""
    of_client: httpx2.Request = client.build_request(  # or httpx's, which has the same members
        request.method, request.url, headers=dict(request.headers), content=request.body or None
    )
    headers = of_client.headers
    headers.pop("cookie", None)
    # The exchange as a whole is limited by `slices`; a limit for each read would count the time in which this process
    # was stopped. A thread has one nevertheless, as nothing else would ever end it.
    read = None if is_async else limit + _LONGEST_STOP
    timeout = httpx2.Timeout(connect=min(CONNECT_TIMEOUT, limit), read=read, write=read, pool=limit)
    built = _watching_class(type(of_client))(  # type: ignore[arg-type] # a class has a hash, whatever its instances have
        request.method,
        request.url,
        headers=headers,
        content=request.body or None,
        extensions={"trace": trace, "timeout": timeout.as_dict()},
    )
    built.was_read = False
    return built


def _is_object(body: bytes | bytearray) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def has_trailing_data(response: httpx2.Response) -> bool:
    """Return whether more bytes than the response have arrived on its connection."""
    try:
        data, _ = _trailing(response)
    except (AttributeError, TypeError, ValueError):  # no connection of the default transport
        return False
    return bool(data)


# ---------------------------------------------------------------- sending
def send(client: HttpClient, request: Request, *, keeps_bytes: bool = False) -> Response | NoResponse:
    """Send one request and read its whole response, within `REQUEST_TIMEOUT` seconds in all.

    Args:
        client: sends the request.
        request: the request.
        keeps_bytes: the client is one of `traktauth.client.http` that keeps no connection: a token is also read from a
            response that breaks HTTP.
    """
    try:
        exchange = Exchange(client, request, REQUEST_TIMEOUT, keeps_bytes=keeps_bytes)
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
