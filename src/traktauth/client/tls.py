"""The certificates that are trusted: the system's, or those that the environment names."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def load_tls() -> ssl.SSLContext:
    """Return the context with the trusted certificates, which are loaded once a process.

    Raises:
        TryLater: the environment names certificates that cannot be loaded.
    """
    return _load_tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _load_tls(*_of_environment: str | None) -> ssl.SSLContext:
    import httpx2  # noqa: PLC0415 - on first use

    try:
        return httpx2.create_ssl_context()
    except Exception as error:
        from traktauth.client.environment_errors import certificates_error  # noqa: PLC0415 - only then

        raise certificates_error(error) from error
