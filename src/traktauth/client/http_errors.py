"""Errors of an HTTP client: what failed, in words, and what an API request raises for it."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from traktauth.errors import TraktAuthError, TryLater
from traktauth.timeouts import CONNECT_TIMEOUT, REQUEST_TIMEOUT

PROXY = "traktauth_proxy"
"""The extension of a request that names the proxy it was sent to."""

# Names, as the client may be one of httpx, whose classes are not those of httpx2.
_CANNOT_BE_SENT = {"InvalidURL", "LocalProtocolError", "UnsupportedProtocol", "CookieConflict"}
_PROXY_ERRORS = {"ConnectError", "ConnectTimeout", "ProxyError"}
_CONNECTION_ERRORS = {"TransportError", "RequestError", "TimeoutException"}


@contextmanager
def api_errors(*, has_own_timeout: bool) -> Generator[None]:
    """Raise what `api_error` returns in place of an error of the HTTP client."""
    try:
        yield
    except Exception as error:
        mapped = api_error(error, has_own_timeout=has_own_timeout)
        if mapped is error:
            raise
        raise mapped from error


def api_error(error: Exception, *, has_own_timeout: bool = False) -> Exception:
    """Return what an API request raises in place of an error of the HTTP client.

    Args:
        error: the error.
        has_own_timeout: the client is the program's own, whose time limits are unknown here.

    Returns:
        `TryLater` if the API could not be reached or did not respond in time; a `TraktAuthError` if its certificate is
        not trusted; a ValueError if the request cannot be
        sent as it is; a `TraktAuthError` for any other failure of a client. A mistake in the arguments is returned as
        it is.
    """
    if isinstance(error, TraktAuthError | TypeError | ValueError):
        return error
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _CANNOT_BE_SENT:
        return ValueError(f"This request cannot be sent ({type(error).__name__}): check params and headers")
    reason = describe_error(error, connect_timeout=None, timeout=None) if has_own_timeout else describe_error(error)
    if code := certificate_code(error):
        return TraktAuthError(f"Trakt's API could not be reached: {reason}", code=code)
    if names & _CONNECTION_ERRORS or isinstance(error, OSError):
        return TryLater(f"Trakt's API could not be reached: {reason}", code="service-unreachable")
    return TraktAuthError(
        f"The HTTP client failed: {type(error).__name__}", hint="Check the client that was passed as http="
    )


def certificate_code(error: BaseException | None) -> str | None:
    """Return the code of an error whose cause is a certificate that is not trusted, else None."""
    while error is not None:
        if "SSLCertVerificationError" in (kind.__name__ for kind in type(error).__mro__):  # importing ssl takes longer
            return "certificate-untrusted"
        error = error.__cause__ or error.__context__
    return None


def describe_error(
    error: Exception,
    *,
    timeout: float | None = REQUEST_TIMEOUT,
    connect_timeout: float | None = CONNECT_TIMEOUT,
) -> str:
    """Return what failed, without the library's own text, which may hold an address or a body.

    Args:
        error: the error.
        timeout: seconds for the whole exchange; None if not known.
        connect_timeout: seconds to connect; None if not known.
    """
    name = type(error).__name__
    if name in _PROXY_ERRORS and (proxy := _proxy_of(error)):
        return _proxy_failure(error, proxy, connect_timeout)
    known: dict[str, str] = {
        "ConnectError": f"no connection ({_connection_failure(error)})",
        "ConnectTimeout": f"no connection {_within(connect_timeout)}",
        "ProxyError": "the proxy refused",
        "ReadTimeout": timeout_reason(timeout),
        "ReadError": "the connection broke off",
        "RemoteProtocolError": _protocol_failure(error),
        "DecodingError": "the response's body does not match its Content-Encoding",
        "WriteError": "the connection broke off",
        "SendAbandoned": timeout_reason(timeout),
        "SentTwice": "the client given as http= tried to send the request twice",
    }
    return known.get(name, name)


def _proxy_of(error: Exception) -> str | None:
    try:
        request: Any = getattr(error, "request", None)
    except RuntimeError:  # it was raised without a request
        return None
    proxy: str | None = None if request is None else request.extensions.get(PROXY)
    return proxy


def _proxy_failure(error: Exception, proxy: str, connect_timeout: float | None) -> str:
    if type(error).__name__ == "ProxyError":
        return f"the proxy {proxy} refused"
    if type(error).__name__ == "ConnectTimeout":
        return f"no connection {_within(connect_timeout)} through the proxy {proxy}"
    failure = _connection_failure(error)
    if failure.startswith(("TLS", "certificate")):  # maybe of the service, which the proxy has reached
        return f"no connection through the proxy {proxy} ({failure})"
    return f"the proxy {proxy} cannot be reached ({failure})"


def _connection_failure(error: BaseException | None) -> str:
    """Return why no connection was made: the text of the system for the innermost cause, never the library's."""
    while error is not None:
        names = [kind.__name__ for kind in type(error).__mro__]  # names, as importing ssl takes longer
        if "SSLCertVerificationError" in names:
            problem = str(getattr(error, "verify_message", "")).partition(",")[0]  # a host may follow
            return f"certificate verification failed: {problem}" if problem else "certificate verification failed"
        if "SSLError" in names:
            return "TLS failed"
        if "gaierror" in names:
            return "name not found"
        if isinstance(error, OSError) and error.errno:
            return os.strerror(error.errno).lower()
        error = error.__cause__ or error.__context__
    return "name not found, refused, or TLS failed"


def _protocol_failure(error: Exception) -> str:
    """Return what is wrong with a response that breaks HTTP; the library tells the cases apart by its text alone."""
    text = str(error)
    if "peer closed" in text:
        return "the connection was closed in the middle of the response"
    if not text or "disconnected" in text:
        return "the connection was closed without a response"
    return "the response is not valid HTTP"


def timeout_reason(timeout: float | None = REQUEST_TIMEOUT) -> str:
    """Return the reason of a request whose time limit was reached; None is a limit that is not known."""
    return f"no response {_within(timeout)}"


def _within(timeout: float | None) -> str:
    return "in time" if timeout is None else f"within {timeout:.0f} s"
