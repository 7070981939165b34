"""The environment variables that decide on proxies and certificates: which of them is wrong, and the fix."""

from __future__ import annotations

import os
import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from traktauth.errors import TryLater

if TYPE_CHECKING:
    from collections.abc import Callable

_RETRY_AFTER = 60.0  # seconds; the environment of a process seldom changes by itself
_PROXIES = ("all_proxy", "https_proxy", "http_proxy")
_target, _transport_of, _proxy_url = map(attrgetter, ("request.url", "_transport_for_url", "_pool._proxy_url"))
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def certificates_error(error: Exception) -> TryLater:
    """Return the error for certificates that could not be loaded."""
    cause = getattr(error, "strerror", None) or type(error).__name__
    for name in _CERTIFICATES:
        if path := os.environ.get(name):
            return _error(f"{name}={path} cannot be loaded: {cause}", f"Correct {name}, or unset it")
    return _error(f"The certificates of this system cannot be loaded: {cause}", "Set SSL_CERT_FILE to a PEM file")


def client_error(error: Exception, is_usable: Callable[[str], bool]) -> TryLater:
    """Return the error for an HTTP client that could not be made.

    Args:
        error: the exception of the HTTP library.
        is_usable: tells whether the HTTP library accepts a proxy's address.
    """
    for name in _PROXIES:
        for variable in (name, name.upper()):
            address = os.environ.get(variable, "")
            if address and not is_usable(address if "://" in address else f"http://{address}"):
                return _proxy_error(variable, address, error)
    if isinstance(error, MemoryError):
        return _error("Not enough memory for a connection", "Free memory, or raise the limit of this process")
    return _error(
        f"The HTTP client cannot be made: {type(error).__name__}",
        "Check the proxy settings of this system, and the variable NO_PROXY",
    )


def proxy_of(client: object, error: Exception) -> str | None:
    """Return the proxy that a failed request was sent to, and its variable, without user name and password.

    The HTTP library keeps its proxies where only its own parts look; None if they are elsewhere or not used.
    """
    try:
        target: Any = _target(error)
        url: Any = _proxy_url(_transport_of(client)(target))
        scheme, host, port = str(url.scheme, "ascii"), str(url.host, "ascii"), url.port
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return None
    host = f"[{host}]" if ":" in host else host
    shown = f"{scheme}://{host}" if port is None else f"{scheme}://{host}:{port}"
    variable = _variable_of(shown, "https_proxy" if target.scheme == "https" else "http_proxy")
    return shown if variable is None else f"{shown} of {variable}"


def _variable_of(proxy: str, first: str) -> str | None:
    for name in (first, "all_proxy"):
        for variable in (name, name.upper()):
            address = _without_userinfo(os.environ.get(variable, "")).rstrip("/").lower()
            if address and (address if "://" in address else f"http://{address}") == proxy:
                return variable
    return None


def _proxy_error(variable: str, address: str, error: Exception) -> TryLater:
    shown = f"{variable}={_without_userinfo(address)}"
    scheme = address.partition("://")[0].lower()
    if isinstance(error, ImportError):
        return _error(
            f"The proxy {shown} needs the package socksio, which is not installed",
            f"Install it: pip install 'httpx2[socks]'; or unset {variable}",
        )
    if scheme == "socks":
        return _error(
            f"The proxy {shown} has an unknown scheme", f"Write socks5:// instead of socks://, or unset {variable}"
        )
    return _error(
        f"The proxy {shown} cannot be used",
        f"Write {variable}=http://HOST:PORT (or https://, socks5://), or unset it",
    )


def _without_userinfo(address: str) -> str:
    """Return a proxy's address without its user name and password."""
    return re.sub(r"(^|//)[^/]*@", r"\1", address)


def _error(message: str, hint: str) -> TryLater:
    return TryLater(f"{message}; nothing was sent", retry_after=_RETRY_AFTER, hint=hint)
