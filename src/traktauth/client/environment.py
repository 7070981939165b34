"""The environment's certificates, and what is wrong with a variable that decides on certificates or proxies."""

from __future__ import annotations

import os
import re
import ssl
from functools import lru_cache

import httpx2

from traktauth.errors import TryLater

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
